// The ABI: what the host may call. Exports only; addresses and sizes are in memory/layout.ts.

import { areaSize, createArea } from "./memory/fragments";
import { KEY_SCRATCH, WORKER_SETTLED_COUNT } from "./memory/layout";
import { attach as attachWorker, setField, worker } from "./memory/worker";
import { expireAll } from "./pipeline/reassemble";
import { insert } from "./tenant/table";

export { ABI_VERSION } from "./abi";
export { encodePcap, encodePcapng } from "./pipeline/encode";
export { process } from "./pipeline/process";
export { publish } from "./tenant/generation";

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

/** Enters the slot image in the key scratch into a generation under construction. Gives 0, or the slot that holds the key. */
export function mapInsert(generation: usize): usize {
  return insert(generation, worker() + KEY_SCRATCH);
}
