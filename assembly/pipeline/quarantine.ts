// Packets of no tenant, kept as they came: they go into a queue of their own, which no map names and another thread empties into a file.
// The queue is short and refuses what it has no room for, and a slot is taken only while the queue has fewer than there are for others.

import {
  CAPTURED,
  FRAME,
  HAS,
  LINK_TYPE,
  NONE,
  ORIGINAL,
  QUEUE_HELD,
  QUEUE_HELD_LARGE,
  QUEUE_OFFERED,
  RECORD_ABOUT,
  RECORD_FRAME,
  RECORD_LENGTH,
  RECORD_LINK_TYPE,
  RECORD_NEXT,
  RECORD_ORIGINAL,
  RECORD_QUEUE,
  RECORD_SLOT,
  RECORD_TIME,
  SESSION,
  SLOT,
  TIME,
  WORKER_QUARANTINE,
} from "../memory/layout";
import { count, dropNewest, hold, isFull, push, queueAt, reclaim } from "../memory/queue";
import { freeRecords, record, takeRecord } from "../memory/records";
import { isLarge, spare } from "../memory/slots";
import { field } from "../memory/worker";

/** Offers the packet of `d`, which keeps its verdict whatever comes of that. Its frame goes with its slot; one that is lent stays. */
export function quarantine(d: usize): void {
  if (field(WORKER_QUARANTINE) == 0) return;
  const number = field(WORKER_QUARANTINE) - 1;
  const queue = queueAt(number);
  count(queue, QUEUE_OFFERED);
  reclaim(queue);
  const slot = load<u32>(d, SLOT);
  if (slot == NONE || isFull(queue) || freeRecords() == 0) {
    dropNewest(queue);
    return;
  }
  const large = isLarge(slot);
  if (load<u32>(queue + (large ? QUEUE_HELD_LARGE : QUEUE_HELD)) >= spare(large)) {
    dropNewest(queue);
    return;
  }
  store<u32>(d, NONE, SLOT);
  const entry = takeRecord();
  const at = record(entry);
  const captured = load<u32>(d, CAPTURED);
  store<u32>(at, load<u32>(d, FRAME), RECORD_FRAME);
  store<u32>(at, captured, RECORD_LENGTH);
  store<u32>(at, max<u32>(captured, load<u32>(d, ORIGINAL)), RECORD_ORIGINAL);
  store<u32>(at, slot, RECORD_SLOT);
  store<u64>(at, load<u64>(d, TIME), RECORD_TIME);
  store<u32>(at, number, RECORD_QUEUE);
  store<u32>(at, NONE, RECORD_NEXT);
  v128.store(at, v128.load(d, HAS), RECORD_ABOUT);
  v128.store(at, v128.load(d, HAS + 16), RECORD_ABOUT + 16);
  store<u32>(at, NONE, RECORD_ABOUT + SESSION - HAS);
  store<u32>(at, load<u32>(d, LINK_TYPE), RECORD_LINK_TYPE);
  hold(queue, entry, 1);
  push(queue, number, entry);
}
