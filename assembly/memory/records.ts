// Records of deliveries: what a queue's place leads to. Numbers, last given first taken.

import {
  NONE,
  RECORD_NEXT,
  RECORD_SIZE,
  RECORD_SLOT,
  WORKER_RECORD_STACK,
  WORKER_RECORDS,
  WORKER_RECORDS_FREE,
} from "./layout";
import { giveSlot } from "./slots";
import { field, setField } from "./worker";

export function record(number: u32): usize {
  return <usize>field(WORKER_RECORDS) + <usize>number * RECORD_SIZE;
}

export function freeRecords(): u32 {
  return field(WORKER_RECORDS_FREE);
}

/** Number of a record; there is one. */
export function takeRecord(): u32 {
  const free = field(WORKER_RECORDS_FREE) - 1;
  setField(WORKER_RECORDS_FREE, free);
  return load<u32>(<usize>field(WORKER_RECORD_STACK) + (free << 2));
}

/** Gives back the record and those of the fragments after it, and their slots. */
export function giveRecords(number: u32): void {
  let free = field(WORKER_RECORDS_FREE);
  const stack = <usize>field(WORKER_RECORD_STACK);
  do {
    const at = record(number);
    const slot = load<u32>(at, RECORD_SLOT);
    if (slot != NONE) giveSlot(slot);
    store<u32>(stack + (free << 2), number);
    free++;
    number = load<u32>(at, RECORD_NEXT);
  } while (number != NONE);
  setField(WORKER_RECORDS_FREE, free);
}

/** Every record of `count` is free. */
export function createRecords(count: u32): void {
  const stack = <usize>field(WORKER_RECORD_STACK);
  for (let i: u32 = 0; i < count; i++) store<u32>(stack + (i << 2), count - 1 - i);
  setField(WORKER_RECORDS_FREE, count);
}
