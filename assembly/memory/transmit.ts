// Deliveries to an AF_XDP socket: what the queues give goes into the kernel's ring where it lies, and comes back by the completion
// ring; then it is sent. Between the two a slot leads to its record, and the record counts what of it is still out.

import {
  COMPLETED,
  LARGE_STRIDE,
  NONE,
  RECORD_FRAME,
  RECORD_LENGTH,
  RECORD_NEXT,
  RECORD_NOT_SENT,
  RECORD_OUT,
  RECORD_QUEUE,
  RECORD_SIZE,
  RECORD_SLOT,
  SLOT_STRIDE,
  TAKEN,
  TAKEN_MAX,
  WORKER_IN_FLIGHT,
  WORKER_SLOT_COUNT,
  WORKER_SLOT_RECORDS,
  WORKER_SLOTS,
  WORKER_TAKEN_COUNT,
  WORKER_TAKEN_DONE,
} from "./layout";
import { queueAt, settle, settleAll, takeReady } from "./queue";
import { record } from "./records";
import * as ring from "./ring";
import { XDP_COMPLETION, XDP_CONTINUES, XDP_LONGEST, XDP_LOOKED, XDP_PIECE, XDP_TX } from "./sockets";
import { field, setField, worker } from "./worker";

const ENTRY: u32 = 4; // shift: a descriptor of 16 bytes
const ADDRESS: u32 = 3; // shift: an address of 8 bytes

/** Puts deliveries into the ring, each queue's in order, queues in turns of `quantum` bytes. Gives how many packets. */
export function transmit(socket: usize, quantum: u32): u32 {
  let packets: u32 = 0;
  let isFull = false;
  while (!isFull) {
    let next = field(WORKER_TAKEN_DONE);
    let taken = field(WORKER_TAKEN_COUNT);
    if (next == taken) {
      const room = ring.room(socket + XDP_TX, TAKEN_MAX);
      if (room == 0) break;
      taken = takeReady(min<u32>(TAKEN_MAX, room), quantum, worker() + TAKEN);
      next = 0;
      setField(WORKER_TAKEN_COUNT, taken);
      if (taken == 0) {
        setField(WORKER_TAKEN_DONE, 0);
        break;
      }
    }
    const from = next;
    for (;;) {
      next += sendUsual(socket, worker() + TAKEN + (next << 2), taken - next);
      if (next == taken) break;
      isFull = !send(socket, load<u32>(worker() + TAKEN + (next << 2)));
      if (isFull) break;
      next++;
    }
    packets += next - from;
    setField(WORKER_TAKEN_DONE, next);
  }
  return packets;
}

/**
 * Puts the usual deliveries among the `most` at `taken` into the ring: of one frame, which one entry takes. Gives how many it passed
 * before one that is not so, or finds no room. The kernel sees them all at once.
 */
function sendUsual(socket: usize, taken: usize, most: u32): u32 {
  const tx = socket + XDP_TX;
  const longest = min<u32>(load<u32>(socket, XDP_LONGEST), XDP_PIECE);
  const count = min<u32>(most, ring.room(tx, most));
  const umem = field(WORKER_SLOTS);
  const slotRecords = <usize>field(WORKER_SLOT_RECORDS);
  const records = record(0);
  const first = ring.position(tx);
  let sent: u32 = 0;
  for (; sent < count; sent++) {
    const entry = load<u32>(taken + (sent << 2));
    const at = records + <usize>entry * RECORD_SIZE;
    const length = load<u32>(at, RECORD_LENGTH);
    if (length > longest) break;
    if (load<u32>(at, RECORD_NEXT) != NONE) break;
    store<u32>(slotRecords + (load<u32>(at, RECORD_SLOT) << 2), entry);
    store<u32>(at, 1, RECORD_OUT);
    put(tx, first + sent, load<u32>(at, RECORD_FRAME) - umem, length, 0);
  }
  if (sent == 0) return 0;
  setField(WORKER_IN_FLIGHT, field(WORKER_IN_FLIGHT) + sent);
  ring.produced(tx, first + sent);
  return sent;
}

/** False: there is no room for it now. What the interface would not take, or the ring never, is settled as not sent. */
function send(socket: usize, entry: u32): bool {
  const tx = socket + XDP_TX;
  const pieces = piecesOf(entry, load<u32>(socket, XDP_LONGEST));
  if (pieces > ring.size(tx)) {
    settle(queueAt(load<u32>(record(entry), RECORD_QUEUE)), entry, false);
    return true;
  }
  if (ring.room(tx, pieces) < pieces) return false;
  store<u32>(record(entry), pieces, RECORD_OUT);
  setField(WORKER_IN_FLIGHT, field(WORKER_IN_FLIGHT) + pieces);
  const umem = field(WORKER_SLOTS);
  const records = <usize>field(WORKER_SLOT_RECORDS);
  let position = ring.position(tx);
  for (let next = entry; next != NONE; ) {
    const at = record(next);
    store<u32>(records + (load<u32>(at, RECORD_SLOT) << 2), entry);
    let address = load<u32>(at, RECORD_FRAME) - umem;
    let length = load<u32>(at, RECORD_LENGTH);
    while (length > <u32>XDP_PIECE) {
      put(tx, position++, address, XDP_PIECE, XDP_CONTINUES);
      address += XDP_PIECE;
      length -= XDP_PIECE;
    }
    put(tx, position++, address, length, 0);
    next = load<u32>(at, RECORD_NEXT);
  }
  ring.produced(tx, position);
  return true;
}

/** Entries that a packet takes, fragments and all; more than any ring has when one of its frames is longer than `longest`. */
function piecesOf(entry: u32, longest: u32): u32 {
  let pieces: u32 = 0;
  for (let next = entry; next != NONE; next = load<u32>(record(next), RECORD_NEXT)) {
    const length = load<u32>(record(next), RECORD_LENGTH);
    if (length > longest) return u32.MAX_VALUE;
    pieces += length <= <u32>XDP_PIECE ? 1 : (length + XDP_PIECE - 1) / XDP_PIECE;
  }
  return pieces;
}

function put(tx: usize, position: u32, address: u32, length: u32, options: u32): void {
  const entry = ring.entryAt(tx, position, ENTRY);
  store<u64>(entry, address);
  store<u32>(entry, length, 8);
  store<u32>(entry, options, 12);
}

/** Entries that the kernel has not looked at and waits to be told of. */
export function unsent(socket: usize): u32 {
  const tx = socket + XDP_TX;
  if (!ring.needsWakeup(tx)) return 0;
  return ring.position(tx) - looked(socket);
}

/**
 * The packet that the kernel looked at last, in the call since `unsent`, was not sent (an interface without a carrier), though it
 * completes like all others. The kernel's position says which it was (Linux 6.18), or lags behind (`__xsk_generic_xmit`, 6.1); then it was
 * the first that waited, unless that call sent others before.
 */
export function notSent(socket: usize): void {
  const tx = socket + XDP_TX;
  const before = load<u32>(socket, XDP_LOOKED);
  let last = looked(socket) - 1;
  if (last + 1 == before) while (isContinued(tx, ++last)) {}
  store<u32>(socket, last + 1, XDP_LOOKED);
  const address = <u32>load<u64>(ring.entryAt(tx, last, ENTRY));
  const at = record(load<u32>(<usize>field(WORKER_SLOT_RECORDS) + (slotOf(address) << 2)));
  store<u32>(at, load<u32>(at, RECORD_OUT) | RECORD_NOT_SENT, RECORD_OUT);
}

/** Position behind the last entry that the kernel has looked at: its own, or what it has told of beyond. */
function looked(socket: usize): u32 {
  const tx = socket + XDP_TX;
  const consumed = ring.position(tx) - ring.waiting(tx);
  const known = load<u32>(socket, XDP_LOOKED);
  if (<i32>(consumed - known) <= 0) return known;
  store<u32>(socket, consumed, XDP_LOOKED);
  return consumed;
}

/** Whether the packet of an entry goes on in the next. */
function isContinued(tx: usize, position: u32): bool {
  return (load<u32>(ring.entryAt(tx, position, ENTRY), 12) & XDP_CONTINUES) != 0;
}

/** Settles what the kernel has sent. Gives how many packets. */
export function complete(socket: usize): u32 {
  const completion = socket + XDP_COMPLETION;
  const available = ring.available(completion);
  if (available == 0) return 0;
  const end = ring.position(completion) + available;
  let packets: u32 = 0;
  for (let position = end - available; position != end; ) {
    const next = position + min<u32>(end - position, TAKEN_MAX);
    packets += settleEntries(completion, position, next);
    position = next;
  }
  ring.consumed(completion, end);
  setField(WORKER_IN_FLIGHT, field(WORKER_IN_FLIGHT) - available);
  return packets;
}

/** Settles the packets of which an entry from `position` to `end`, TAKEN_MAX at the most, is the last. Gives how many. */
function settleEntries(completion: usize, position: u32, end: u32): u32 {
  const slotRecords = <usize>field(WORKER_SLOT_RECORDS);
  const records = record(0);
  const completed = worker() + COMPLETED;
  let sent: u32 = 0;
  let dropped: u32 = 0;
  for (; position != end; position++) {
    const address = <u32>load<u64>(ring.entryAt(completion, position, ADDRESS));
    const entry = load<u32>(slotRecords + (slotOf(address) << 2));
    const at = records + <usize>entry * RECORD_SIZE;
    const out = load<u32>(at, RECORD_OUT) - 1;
    store<u32>(at, out, RECORD_OUT);
    if (out == 0) {
      store<u32>(completed + (sent++ << 2), entry);
    } else if (out == RECORD_NOT_SENT) {
      settle(queueAt(load<u32>(at, RECORD_QUEUE)), entry, false);
      dropped++;
    }
  }
  settleAll(completed, sent, true);
  return sent + dropped;
}

/** The slot that an address of the UMEM is in: slots, then large ones. */
function slotOf(address: u32): u32 {
  const count = field(WORKER_SLOT_COUNT);
  const small = count * SLOT_STRIDE;
  return address < small ? address / SLOT_STRIDE : count + (address - small) / LARGE_STRIDE;
}
