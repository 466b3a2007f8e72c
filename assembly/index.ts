// The ABI: what the host may call. Exports only; addresses and sizes are in memory/layout.ts.

import { areaSize, createArea } from "./memory/fragments";
import { WORKER_SETTLED_COUNT } from "./memory/layout";
import { attach as attachWorker, setField } from "./memory/worker";
import { expireAll } from "./pipeline/reassemble";

export { ABI_VERSION } from "./abi";
export { encodePcap, encodePcapng } from "./pipeline/encode";
export { process } from "./pipeline/process";
export { publish } from "./tenant/generation";
export { build as mapBuild } from "./tenant/table";

/** Bytes of reassembly area for `pieces` blocks. */
export function reassemblySize(pieces: u32): u32 {
  return areaSize(pieces);
}

/** Makes this instance the worker whose block is at `block`, with its header filled in; `fresh`: clears its reassembly. */
export function attach(block: usize, fresh: bool): void {
  attachWorker(block);
  if (fresh) createArea();
}

/** The end of input: settles every fragment that is held. */
export function flush(): void {
  setField(WORKER_SETTLED_COUNT, 0);
  expireAll();
}
