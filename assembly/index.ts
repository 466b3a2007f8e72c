// The ABI: what the host may call. Exports only; addresses and sizes are in memory/layout.ts.

import { areaSize, createArea } from "./memory/fragments";
import { TAKEN, WORKER_SETTLED_COUNT, WORKER_TAKEN_COUNT } from "./memory/layout";
import * as queues from "./memory/queue";
import { createRecords } from "./memory/records";
import { createSlots } from "./memory/slots";
import { attach as attachWorker, setField, worker } from "./memory/worker";
import { expireAll, clockSet as shiftHeld } from "./pipeline/reassemble";

export { ABI_VERSION } from "./abi";
export { receive as packetReceive } from "./memory/packet-receive";
export { prepare as packetPrepare, settle as packetSettle } from "./memory/packet-transmit";
export { receive as xdpReceive, refill as xdpRefill } from "./memory/receive";
export { giveSlot, takeSlot } from "./memory/slots";
export {
  complete as xdpComplete,
  notSent as xdpNotSent,
  transmit as xdpTransmit,
  unsent as xdpUnsent,
} from "./memory/transmit";
export { prepareSniffer } from "./pipeline/encapsulate";
export { encodeDeliveries, encodePcap, encodePcapng, encodeRecord } from "./pipeline/encode";
export { process, recycle } from "./pipeline/process";
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

/** All slots and `records` records are free. Once, when their areas stand in the worker's header. */
export function createPool(records: u32): void {
  createSlots();
  createRecords(records);
}

/** The end of input: settles every fragment that is held. */
export function flush(): void {
  setField(WORKER_SETTLED_COUNT, 0);
  expireAll();
}

/** From the next packet on the clock is another one, ahead by `nanoseconds` of that before: for whoever tells packets' times itself. */
export function clockSet(nanoseconds: f64): void {
  shiftHeld(<i64>nanoseconds);
}

/** Takes up to `most` (TAKEN_MAX) records of queues that hold something, in turns of `quantum` bytes a queue. */
export function take(most: u32, quantum: u32): u32 {
  const taken = queues.takeReady(most, quantum, worker() + TAKEN);
  setField(WORKER_TAKEN_COUNT, taken);
  return taken;
}

/** What `take` gave from place `first` to `end` is sent, or could not be; its frames are free. */
export function settle(first: u32, end: u32, sent: bool): void {
  queues.settleAll(worker() + TAKEN + (first << 2), end - first, sent);
}

/** For a sender in another thread: takes up to `most` records of one queue into the array (u32) at `into`. */
export function takeFrom(queue: u32, most: u32, into: usize): u32 {
  return queues.take(queues.queueAt(queue), most, into);
}

/** And settles one of them: its frames are free when the worker itself has reclaimed it. */
export function settleFrom(queue: u32, entry: u32, sent: bool): void {
  queues.settle(queues.queueAt(queue), entry, sent);
}

/** For the worker: frees what the sender of such a queue is done with. It does so by itself when a packet is offered. */
export function reclaim(queue: u32): void {
  queues.reclaim(queues.queueAt(queue));
}

/** The same of up to `most` such queues, in turn. */
export function reclaimNext(most: u32): void {
  queues.reclaimNext(most);
}
