// This instance's worker: which block of the shared memory is its own. Set once; several instances work on one memory,
// so nothing here but the address and what follows from it.

import { COUNTERS, WORKER_ASSEMBLED, WORKER_DATAGRAMS, WORKER_SESSIONS } from "./layout";

let block: usize = 0;

export function attach(worker: usize): void {
  block = worker;
}

export function worker(): usize {
  return block;
}

export function field(offset: usize): u32 {
  return load<u32>(block + offset);
}

export function setField(offset: usize, value: u32): void {
  store<u32>(block + offset, value);
}

export function sessions(): usize {
  return load<u32>(block + WORKER_SESSIONS);
}

export function datagrams(): usize {
  return load<u32>(block + WORKER_DATAGRAMS);
}

export function assembled(): usize {
  return load<u32>(block + WORKER_ASSEMBLED);
}

export function add(counter: u32, amount: i64): void {
  const at = block + COUNTERS + (counter << 3);
  store<u64>(at, load<u64>(at) + amount);
}
