// A ring that is shared with the kernel (AF_XDP, Documentation/networking/af_xdp.rst): one side produces, the other consumes, positions
// count up without end modulo 2^32. The kernel's words lie where it mapped them; our own position and the last one seen of the other
// side are kept beside, so that the line which both write is read only when it must be.

import {
  RING_CONSUMER,
  RING_ENTRIES,
  RING_FLAGS,
  RING_MASK,
  RING_NEED_WAKEUP,
  RING_POSITION,
  RING_PRODUCER,
  RING_SEEN,
} from "./sockets";

/** Our position: of the next entry to consume, or to produce. */
export function position(ring: usize): u32 {
  return load<u32>(ring, RING_POSITION);
}

/** Entries that there are places for. */
export function size(ring: usize): u32 {
  return load<u32>(ring, RING_MASK) + 1;
}

/** Entries that the kernel has produced and we have not consumed. */
export function available(ring: usize): u32 {
  const seen = atomic.load<u32>(load<u32>(ring, RING_PRODUCER));
  return seen - position(ring);
}

/** Entries that we can produce: those that the kernel has consumed. */
export function room(ring: usize, wanted: u32): u32 {
  const free = size(ring) - (position(ring) - load<u32>(ring, RING_SEEN));
  if (free >= wanted) return free;
  store<u32>(ring, atomic.load<u32>(load<u32>(ring, RING_CONSUMER)), RING_SEEN);
  return size(ring) - (position(ring) - load<u32>(ring, RING_SEEN));
}

/** Entries that we have produced and the kernel has not consumed. */
export function waiting(ring: usize): u32 {
  return size(ring) - room(ring, size(ring));
}

/** Address of the entry at `position`, of which there are 2^`shift` bytes. */
export function entryAt(ring: usize, position: u32, shift: u32): usize {
  return <usize>load<u32>(ring, RING_ENTRIES) + ((position & load<u32>(ring, RING_MASK)) << shift);
}

/** Everything before `position` is consumed: the kernel may write there. */
export function consumed(ring: usize, position: u32): void {
  store<u32>(ring, position, RING_POSITION);
  atomic.store<u32>(load<u32>(ring, RING_CONSUMER), position);
}

/** Everything before `position` is produced: the kernel may read it. */
export function produced(ring: usize, position: u32): void {
  store<u32>(ring, position, RING_POSITION);
  atomic.store<u32>(load<u32>(ring, RING_PRODUCER), position);
}

/** Whether the kernel waits for a system call before it goes on. */
export function needsWakeup(ring: usize): bool {
  return (atomic.load<u32>(load<u32>(ring, RING_FLAGS)) & RING_NEED_WAKEUP) != 0;
}
