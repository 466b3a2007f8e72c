// A sniffer's queue: a bounded ring of record numbers. One producer, the data-path worker; one consumer, the same worker or
// a sender in another thread; no lock. A full queue refuses, or gives up its oldest packet: then producer and consumer
// both move the head, by compare and exchange. What a sender has sent comes back by a second ring. Queues that the worker empties
// itself stand on its ready list while they hold something.

import {
  BELLS,
  IN_FLIGHT_MAX,
  NEAR,
  NONE,
  QUEUE_DROP_OLDEST,
  QUEUE_DROPPED_NEWEST,
  QUEUE_DROPPED_OLDEST,
  QUEUE_FLAGS,
  QUEUE_HEAD,
  QUEUE_HELD,
  QUEUE_HELD_LARGE,
  QUEUE_LIMIT,
  QUEUE_LISTED,
  QUEUE_MASK,
  QUEUE_NEAR,
  QUEUE_RECLAIMED,
  QUEUE_RETURNED,
  QUEUE_RETURNS,
  QUEUE_RING,
  QUEUE_SEEN,
  QUEUE_SEND_ERROR,
  QUEUE_SENDER,
  QUEUE_SENT,
  QUEUE_SENT_BYTES,
  QUEUE_SIZE,
  QUEUE_TAIL,
  QUEUE_TAKEN,
  QUEUE_THREAD,
  QUEUE_THREAD_SEND_ERROR,
  QUEUE_THREADED,
  RECORD_LENGTH,
  RECORD_NEXT,
  RECORD_QUEUE,
  RECORD_SIZE,
  RECORD_SLOT,
  WORKER_LENT,
  WORKER_QUEUES,
  WORKER_READY,
  WORKER_READY_COUNT,
  WORKER_READY_FIRST,
  WORKER_READY_MASK,
  WORKER_RECORD_STACK,
  WORKER_RECORDS_FREE,
  WORKER_SLOT_COUNT,
  WORKER_SLOT_STACK,
  WORKER_SLOTS_FREE,
  WORKER_THREADED,
  WORKER_THREADED_COUNT,
  WORKER_THREADED_NEXT,
} from "./layout";
import { giveRecords, record } from "./records";
import { isLarge } from "./slots";
import { field, setField, worker } from "./worker";

export function queueAt(number: u32): usize {
  return <usize>field(WORKER_QUEUES) + <usize>number * QUEUE_SIZE;
}

export function count(queue: usize, counter: usize): void {
  store<u64>(queue + counter, load<u64>(queue + counter) + 1);
}

export function isThreaded(queue: usize): bool {
  return (load<u32>(queue, QUEUE_FLAGS) & QUEUE_THREADED) != 0;
}
function head(queue: usize): u32 {
  return isThreaded(queue) ? atomic.load<u32>(queue, QUEUE_HEAD) : load<u32>(queue, QUEUE_SEEN);
}
function place(queue: usize, position: u32): usize {
  return isThreaded(queue) ? farPlace(queue, position) : ownPlace(queue, position);
}
function farPlace(queue: usize, position: u32): usize {
  return <usize>load<u32>(queue, QUEUE_RING) + ((position & load<u32>(queue, QUEUE_MASK)) << 2);
}
function ownPlace(queue: usize, position: u32): usize {
  return position < <u32>NEAR ? queue + QUEUE_NEAR + (position << 2) : farPlace(queue, position);
}

// ── producer ──

/** Packets that wait in it. */
export function queued(queue: usize): u32 {
  return load<u32>(queue, QUEUE_TAIL) - head(queue);
}

export function isFull(queue: usize): bool {
  const limit = load<u32>(queue, QUEUE_LIMIT);
  const tail = load<u32>(queue, QUEUE_TAIL);
  if (tail - load<u32>(queue, QUEUE_SEEN) < limit) return false;
  if (!isThreaded(queue)) return true;
  const seen = head(queue);
  store<u32>(queue, seen, QUEUE_SEEN);
  return tail - seen >= limit;
}

export function dropsOldest(queue: usize): bool {
  return (load<u32>(queue, QUEUE_FLAGS) & QUEUE_DROP_OLDEST) != 0;
}

/** Enters a record, for which there is a place. `number` is the queue's own. */
export function push(queue: usize, number: u32, entry: u32): void {
  const tail = load<u32>(queue, QUEUE_TAIL);
  store<u32>(place(queue, tail), entry);
  if (isThreaded(queue)) {
    setField(WORKER_LENT, field(WORKER_LENT) + 1);
    atomic.store<u32>(queue, tail + 1, QUEUE_TAIL);
    store<u32>(worker() + BELLS + ((<usize>load<u32>(queue, QUEUE_SENDER)) << 2), 1);
    return;
  }
  store<u32>(queue, tail + 1, QUEUE_TAIL);
  listOnce(queue, number);
}

/** The same for a queue that this worker empties itself, whose tail is `tail`. */
export function pushOwn(queue: usize, number: u32, tail: u32, entry: u32): void {
  store<u32>(ownPlace(queue, tail), entry);
  store<u32>(queue, tail + 1, QUEUE_TAIL);
  listOnce(queue, number);
}

/** The slots of an entry, fragments and all, count as the queue's from now on (`sign` 1), or no more (-1). */
export function hold(queue: usize, entry: u32, sign: u32): void {
  do {
    const at = record(entry);
    const slot = load<u32>(at, RECORD_SLOT);
    if (slot != NONE) {
      const level = queue + (isLarge(slot) ? QUEUE_HELD_LARGE : QUEUE_HELD);
      store<u32>(level, load<u32>(level) + sign);
    }
    entry = load<u32>(at, RECORD_NEXT);
  } while (entry != NONE);
}

function free(queue: usize, entry: u32): void {
  hold(queue, entry, -1);
  giveRecords(entry);
}

/** Gives up the oldest packet. False when there is none, as when the consumer took it this moment. */
export function dropOldest(queue: usize): bool {
  const first = head(queue);
  if (first == load<u32>(queue, QUEUE_TAIL)) return false;
  const entry = load<u32>(place(queue, first));
  if (isThreaded(queue)) {
    if (atomic.cmpxchg<u32>(queue, first, first + 1, QUEUE_HEAD) != first) return false;
    setField(WORKER_LENT, field(WORKER_LENT) - 1);
  } else {
    store<u32>(queue, first + 1, QUEUE_SEEN);
  }
  free(queue, entry);
  count(queue, QUEUE_DROPPED_OLDEST);
  return true;
}

/** A packet was offered that cannot be sent at all. */
export function fail(queue: usize): void {
  count(queue, QUEUE_TAKEN);
  count(queue, QUEUE_SEND_ERROR);
}

/** Refuses a packet for want of room. */
export function dropNewest(queue: usize): void {
  count(queue, QUEUE_DROPPED_NEWEST);
}

/** Frees what the sender of another thread is done with. */
export function reclaim(queue: usize): void {
  if (!isThreaded(queue)) return;
  const returned = atomic.load<u32>(queue, QUEUE_RETURNED);
  let reclaimed = load<u32>(queue, QUEUE_RECLAIMED);
  if (reclaimed == returned) return;
  const returns = <usize>load<u32>(queue, QUEUE_RETURNS);
  setField(WORKER_LENT, field(WORKER_LENT) - (returned - reclaimed));
  for (; reclaimed != returned; reclaimed++) {
    free(queue, load<u32>(returns + ((reclaimed & (IN_FLIGHT_MAX - 1)) << 2)));
  }
  atomic.store<u32>(queue, reclaimed, QUEUE_RECLAIMED);
}

/** The same of up to `most` of the queues that other threads empty, each in its turn. */
export function reclaimNext(most: u32): void {
  const count = atomic.load<u32>(worker(), WORKER_THREADED_COUNT);
  const numbers = <usize>field(WORKER_THREADED);
  let next = field(WORKER_THREADED_NEXT);
  for (let i = min<u32>(most, count); i != 0; i--) {
    if (next >= count) next = 0;
    reclaim(queueAt(load<u32>(numbers + ((<usize>next) << 2))));
    next++;
  }
  setField(WORKER_THREADED_NEXT, next);
}

// ── ready list: this worker's own queues that hold something, each with what is left of its last turn ──

function listOnce(queue: usize, number: u32): void {
  const flags = load<u32>(queue, QUEUE_FLAGS);
  if ((flags & QUEUE_LISTED) != 0) return;
  store<u32>(queue, flags | QUEUE_LISTED, QUEUE_FLAGS);
  list(number, 0);
}

function unlist(queue: usize): void {
  store<u32>(queue, load<u32>(queue, QUEUE_FLAGS) & ~QUEUE_LISTED, QUEUE_FLAGS);
}

/** At the end of the ready list, with what is left of its last turn, in bytes. */
function list(number: u32, deficit: u32): void {
  const count = field(WORKER_READY_COUNT);
  const last = (field(WORKER_READY_FIRST) + count) & field(WORKER_READY_MASK);
  store<u64>(<usize>field(WORKER_READY) + (last << 3), ((<u64>deficit) << 32) | number);
  setField(WORKER_READY_COUNT, count + 1);
}

// ── consumer ──

/** Takes up to `most` of the oldest records into the array (u32) at `into`. Gives how many. */
export function take(queue: usize, most: u32, into: usize): u32 {
  if (isThreaded(queue)) return takeThreaded(queue, most, into);
  deficit = u32.MAX_VALUE;
  return takeOwn(queue, most, into);
}

/** What is left of the present turn, in bytes. */
let deficit: u32 = 0;

function takeOwn(queue: usize, most: u32, into: usize): u32 {
  const first = load<u32>(queue, QUEUE_SEEN);
  const waiting = load<u32>(queue, QUEUE_TAIL) - first;
  const limit = min<u32>(most, waiting);
  const records = record(0);
  let left = deficit;
  let taken: u32 = 0;
  for (; taken < limit; taken++) {
    const entry = load<u32>(ownPlace(queue, first + taken));
    const length = load<u32>(records + <usize>entry * RECORD_SIZE, RECORD_LENGTH);
    if (length > left) break;
    left -= length;
    store<u32>(into + (taken << 2), entry);
  }
  deficit = left;
  store<u64>(queue, load<u64>(queue, QUEUE_TAKEN) + taken, QUEUE_TAKEN);
  if (taken == waiting) {
    // Empty: it begins at its first place again, which is in the cache.
    store<u64>(queue, 0, QUEUE_TAIL); // and SEEN
  } else {
    store<u32>(queue, first + taken, QUEUE_SEEN);
  }
  return taken;
}

function takeThreaded(queue: usize, most: u32, into: usize): u32 {
  const counters = queue + QUEUE_THREAD;
  for (;;) {
    const first = atomic.load<u32>(queue, QUEUE_HEAD);
    const tail = atomic.load<u32>(queue, QUEUE_TAIL);
    // Not settled, and settled but not reclaimed.
    const settled = load<u32>(counters, QUEUE_SENT) + load<u32>(queue, QUEUE_THREAD_SEND_ERROR);
    const returned = load<u32>(queue, QUEUE_RETURNED) - atomic.load<u32>(queue, QUEUE_RECLAIMED);
    const inFlight = load<u32>(counters, QUEUE_TAKEN) - settled + returned;
    const taken = min<u32>(min<u32>(most, tail - first), IN_FLIGHT_MAX - inFlight);
    if (taken == 0) return 0;
    for (let i: u32 = 0; i < taken; i++) store<u32>(into + (i << 2), load<u32>(farPlace(queue, first + i)));
    if (atomic.cmpxchg<u32>(queue, first, first + taken, QUEUE_HEAD) != first) continue;
    store<u64>(counters, load<u64>(counters, QUEUE_TAKEN) + taken, QUEUE_TAKEN);
    return taken;
  }
}

/**
 * A record that was taken is sent, or could not be. The thread may be ended at a loop, and nowhere else in here: those come before
 * anything is counted, so that a record is settled or is not.
 */
export function settle(queue: usize, entry: u32, sent: bool): void {
  const threaded = isThreaded(queue);
  const counters = threaded ? queue + QUEUE_THREAD : queue;
  if (sent) {
    let bytes = load<u64>(counters, QUEUE_SENT_BYTES);
    for (let next = entry; next != NONE; next = load<u32>(record(next), RECORD_NEXT)) {
      bytes += load<u32>(record(next), RECORD_LENGTH);
    }
    store<u64>(counters, bytes, QUEUE_SENT_BYTES);
    count(counters, QUEUE_SENT);
  } else {
    count(queue, threaded ? QUEUE_THREAD_SEND_ERROR : QUEUE_SEND_ERROR);
  }
  if (!threaded) {
    free(queue, entry);
    return;
  }
  const returned = load<u32>(queue, QUEUE_RETURNED);
  store<u32>(<usize>load<u32>(queue, QUEUE_RETURNS) + ((returned & (IN_FLIGHT_MAX - 1)) << 2), entry);
  atomic.store<u32>(queue, returned + 1, QUEUE_RETURNED);
}

/** Settles the `count` records at `taken`, all sent or none. */
export function settleAll(taken: usize, count: u32, sent: bool): void {
  let i: u32 = 0;
  while (i < count) {
    if (sent) i += settleUsual(taken + (i << 2), count - i);
    if (i == count) break;
    const entry = load<u32>(taken + (i << 2));
    settle(queueAt(load<u32>(record(entry), RECORD_QUEUE)), entry, sent);
    i++;
  }
}

/**
 * Settles as sent the usual records among the `most` at `taken`: of one frame, in a slot of the common size, of a queue that this worker
 * empties itself. Gives how many it passed before one that is not so.
 */
function settleUsual(taken: usize, most: u32): u32 {
  const records = record(0);
  const queues = queueAt(0);
  const slotCount = field(WORKER_SLOT_COUNT);
  const slotStack = <usize>field(WORKER_SLOT_STACK);
  const recordStack = <usize>field(WORKER_RECORD_STACK);
  let slotsFree = field(WORKER_SLOTS_FREE);
  let recordsFree = field(WORKER_RECORDS_FREE);
  let i: u32 = 0;
  for (; i < most; i++) {
    const entry = load<u32>(taken + (i << 2));
    const at = records + <usize>entry * RECORD_SIZE;
    const slot = load<u32>(at, RECORD_SLOT);
    if (slot >= slotCount || load<u32>(at, RECORD_NEXT) != NONE) break;
    const queue = queues + <usize>load<u32>(at, RECORD_QUEUE) * QUEUE_SIZE;
    if (isThreaded(queue)) break;
    count(queue, QUEUE_SENT);
    store<u64>(queue, load<u64>(queue, QUEUE_SENT_BYTES) + load<u32>(at, RECORD_LENGTH), QUEUE_SENT_BYTES);
    store<u32>(queue, load<u32>(queue, QUEUE_HELD) - 1, QUEUE_HELD);
    store<u32>(slotStack + (slotsFree++ << 2), slot);
    store<u32>(recordStack + (recordsFree++ << 2), entry);
  }
  setField(WORKER_SLOTS_FREE, slotsFree);
  setField(WORKER_RECORDS_FREE, recordsFree);
  return i;
}

/**
 * Takes up to `most` records of this worker's own queues that hold something, by deficit round robin (Shreedhar, Varghese 1996): a
 * queue's turn is `quantum` bytes and what it left of the turn before. Of IP fragments the first one counts.
 */
export function takeReady(most: u32, quantum: u32, into: usize): u32 {
  let taken: u32 = 0;
  while (taken < most && field(WORKER_READY_COUNT) != 0) {
    const first = field(WORKER_READY_FIRST);
    const place = <usize>field(WORKER_READY) + (first << 3);
    const number = load<u32>(place);
    const queue = queueAt(number);
    deficit = load<u32>(place, 4) + quantum;
    // It may have been listed under an owner before this one.
    if (!isThreaded(queue)) taken += takeOwn(queue, most - taken, into + (taken << 2));
    if (taken == most && !isThreaded(queue) && queued(queue) != 0) {
      // Its turn goes on with the next call, which adds a quantum.
      store<u32>(place, deficit - quantum, 4);
      break;
    }
    setField(WORKER_READY_FIRST, (first + 1) & field(WORKER_READY_MASK));
    setField(WORKER_READY_COUNT, field(WORKER_READY_COUNT) - 1);
    if (isThreaded(queue) || queued(queue) == 0) unlist(queue);
    else list(number, deficit);
  }
  return taken;
}
