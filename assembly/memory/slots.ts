// Frame slots of this worker: which are free. Two sizes, one numbering: 0 to WORKER_SLOT_COUNT - 1 hold a frame of any
// usual link, the numbers after them the longest datagram. Last given, first taken: its lines are still in the cache.

import {
  HEADROOM,
  LARGE_STRIDE,
  NONE,
  SLOT_STRIDE,
  WORKER_LARGE,
  WORKER_LARGE_COUNT,
  WORKER_LARGE_FREE,
  WORKER_LARGE_STACK,
  WORKER_SLOT_COUNT,
  WORKER_SLOT_STACK,
  WORKER_SLOTS,
  WORKER_SLOTS_FREE,
  WORKER_SLOTS_RESERVED,
} from "./layout";
import { field, setField } from "./worker";

/** Longest content behind the headroom, in bytes. */
export const SLOT_CONTENT: u32 = SLOT_STRIDE - HEADROOM;
export const LARGE_CONTENT: u32 = LARGE_STRIDE - HEADROOM;

export function isLarge(slot: u32): bool {
  return slot >= field(WORKER_SLOT_COUNT);
}
export function slotStart(slot: u32): usize {
  if (isLarge(slot)) {
    return <usize>field(WORKER_LARGE) + <usize>(slot - field(WORKER_SLOT_COUNT)) * LARGE_STRIDE;
  }
  return <usize>field(WORKER_SLOTS) + <usize>slot * SLOT_STRIDE;
}
export function slotEnd(slot: u32): usize {
  return slotStart(slot) + (isLarge(slot) ? LARGE_STRIDE : SLOT_STRIDE);
}

/** Slots that queues may have: free ones beyond those kept for receiving. */
export function spare(large: bool): u32 {
  if (large) return field(WORKER_LARGE_FREE);
  const free = field(WORKER_SLOTS_FREE);
  const reserved = field(WORKER_SLOTS_RESERVED);
  return free > reserved ? free - reserved : 0;
}

/**
 * Long frames that a batch may have; others wait for the next. It leaves half of the large slots that are free to the queues, which are
 * refused what is not free beside what they hold. When none is free, all that come are cut, and take none.
 */
export function mostLarge(): u32 {
  const free = field(WORKER_LARGE_FREE);
  return free == 0 ? u32.MAX_VALUE : (free + 1) >> 1;
}

/** Number of a slot, or NONE when there is none left. */
export function takeSlot(large: bool): u32 {
  const level = large ? WORKER_LARGE_FREE : WORKER_SLOTS_FREE;
  const free = field(level);
  if (free == 0) return NONE;
  setField(level, free - 1);
  return load<u32>(<usize>field(large ? WORKER_LARGE_STACK : WORKER_SLOT_STACK) + ((free - 1) << 2));
}

export function giveSlot(slot: u32): void {
  const large = isLarge(slot);
  const level = large ? WORKER_LARGE_FREE : WORKER_SLOTS_FREE;
  const free = field(level);
  store<u32>(<usize>field(large ? WORKER_LARGE_STACK : WORKER_SLOT_STACK) + (free << 2), slot);
  setField(level, free + 1);
}

/** Fills both stacks: every slot is free. */
export function createSlots(): void {
  fill(WORKER_SLOT_STACK, WORKER_SLOTS_FREE, 0, field(WORKER_SLOT_COUNT));
  fill(WORKER_LARGE_STACK, WORKER_LARGE_FREE, field(WORKER_SLOT_COUNT), field(WORKER_LARGE_COUNT));
}

function fill(stack: usize, level: usize, first: u32, count: u32): void {
  const at = <usize>field(stack);
  for (let i: u32 = 0; i < count; i++) store<u32>(at + (i << 2), first + count - 1 - i);
  setField(level, count);
}
