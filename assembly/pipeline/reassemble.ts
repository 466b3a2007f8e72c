// Fragments of the outermost IP layer: bounded memory, bounded pieces, packet time, and no overlap (RFC 8200 4.5, RFC 5722,
// applied to IPv4 too). A held fragment has no verdict until its datagram is settled; then it is counted and told to the host.

import { Counter } from "../counters";
import { Header } from "../header";
import * as fragments from "../memory/fragments";
import { hash32 } from "../memory/hash";
import {
  CONFIG_PER_SOURCE,
  CONFIG_TIMEOUT,
  DATAGRAM_MAX,
  DATAGRAM_PIECES,
  DECLARED,
  END,
  FRAME_MIN,
  HAS,
  HAS_DATAGRAM,
  HEADROOM,
  HELD,
  OUTER_VLAN,
  PACKET,
  PIECE_BLOCK,
  SETTLED_PACKET,
  SETTLED_SIZE,
  SETTLED_VERDICT,
  SOURCE,
  TIME,
  WORKER_ASSEMBLED_SIZE,
  WORKER_SETTLED,
  WORKER_SETTLED_COUNT,
} from "../memory/layout";
import { add, assembled, field, setField } from "../memory/worker";
import { Verdict } from "../verdict";
import * as ipv4 from "../wire/ipv4";
import * as ipv6 from "../wire/ipv6";
import { trace } from "./trace";

const FAMILY_6: u32 = 0x80000000;

let assembledUsed: u32 = 0;
let next: u32 = 0;

/** IPv6: next header of the first fragment of the datagram just completed. */
export function firstNextHeader(): u32 {
  return next;
}

/** Starts a batch: datagrams completed in the last one are given up. */
export function beginBatch(): void {
  assembledUsed = 0;
  setField(WORKER_SETTLED_COUNT, 0);
}

/** Whether one more datagram of any size could be put together in this batch. */
export function hasRoom(): bool {
  return assembledUsed + HEADROOM + DATAGRAM_MAX + FRAME_MIN <= field(WORKER_ASSEMBLED_SIZE);
}

export function fragment4(d: usize, header: usize, data: usize): usize {
  const meta = <u32>load<u16>(d, OUTER_VLAN) | (ipv4.protocol(header) << 16);
  return fragment(
    d,
    data,
    meta,
    ipv4.identification(header),
    ipv4.fragmentOffset(header),
    ipv4.moreFragments(header),
    0,
  );
}

export function fragment6(d: usize, header: usize, data: usize): usize {
  const meta = <u32>load<u16>(d, OUTER_VLAN) | FAMILY_6;
  return fragment(
    d,
    data,
    meta,
    ipv6.identification(header),
    ipv6.fragmentOffset(header),
    ipv6.moreFragments(header),
    ipv6.extensionNext(header),
  );
}

function fragment(
  d: usize,
  data: usize,
  meta: u32,
  id: u32,
  offset: u32,
  more: bool,
  nextHeader: u32,
): usize {
  const end = load<u32>(d, END);
  if (load<u64>(d, DECLARED) > <u64>end) return Verdict.Truncated;
  const length = end - <u32>data;
  if (length == 0 || (more && (length & 7) != 0)) return Verdict.BadFlags;
  if (offset + length > <u32>DATAGRAM_MAX) return Verdict.TooLarge;

  const bucket = fragments.datagramBucket(hash32(d + SOURCE, meta, id));
  let number = find(bucket, d, meta, id);
  if (number != 0) {
    const discarded = load<u32>(fragments.datagram(number), fragments.DATAGRAM_DISCARDED);
    if (discarded != 0) return discarded;
    if (isDuplicate(number, data, offset, length)) {
      add(Counter.FragmentDuplicates, 1);
      return Verdict.Reassembled;
    }
    if (overlaps(number, offset, length, more)) return discard(number, Verdict.FragmentOverlap);
    if (load<u32>(fragments.datagram(number), fragments.DATAGRAM_COUNT) == DATAGRAM_PIECES) {
      return discard(number, Verdict.FragmentLimit);
    }
  }
  const blocks = fragments.blocksFor(length);
  if (blocks > fragments.freeBlocks()) return Verdict.FragmentLimit;
  if ((fragments.heldBy(d + SOURCE) + blocks) * PIECE_BLOCK > load<u32>(CONFIG_PER_SOURCE))
    return Verdict.FragmentLimit;
  if (number == 0) {
    number = begin(bucket, d, meta, id);
    if (number == 0) return Verdict.FragmentLimit;
  }
  const own = hold(number, d, data, offset, length);
  const datagram = fragments.datagram(number);
  if (offset == 0) store<u32>(datagram, nextHeader, fragments.DATAGRAM_NEXT_HEADER);
  if (!more) store<u32>(datagram, offset + length, fragments.DATAGRAM_TOTAL);
  if (load<u32>(datagram, fragments.DATAGRAM_BYTES) != load<u32>(datagram, fragments.DATAGRAM_TOTAL)) {
    add(Counter.Held, 1);
    return HELD;
  }
  return complete(bucket, number, d, own);
}

function find(bucket: usize, d: usize, meta: u32, id: u32): u32 {
  let number = load<u32>(bucket);
  while (number != 0) {
    const at = fragments.datagram(number);
    if (
      load<u32>(at, fragments.DATAGRAM_ID) == id &&
      load<u32>(at, fragments.DATAGRAM_META) == meta &&
      memory.compare(at + fragments.DATAGRAM_SOURCE, d + SOURCE, 32) == 0
    ) {
      return number;
    }
    number = load<u32>(at, fragments.DATAGRAM_NEXT);
  }
  return 0;
}

function begin(bucket: usize, d: usize, meta: u32, id: u32): u32 {
  const number = fragments.addDatagram(bucket);
  if (number == 0) return 0;
  const at = fragments.datagram(number);
  store<u32>(at, id, fragments.DATAGRAM_ID);
  store<u32>(at, meta, fragments.DATAGRAM_META);
  memory.copy(at + fragments.DATAGRAM_SOURCE, d + SOURCE, 32);
  const time = load<u64>(d, TIME);
  store<u64>(at, time, fragments.DATAGRAM_FIRST_TIME);
  const deadline = deadlineOf(time);
  if (deadline < fragments.deadline()) fragments.setDeadline(deadline);
  return number;
}

function deadlineOf(time: u64): u64 {
  const timeout = load<u64>(CONFIG_TIMEOUT);
  return time > u64.MAX_VALUE - timeout ? u64.MAX_VALUE : time + timeout;
}

function isDuplicate(number: u32, data: usize, offset: u32, length: u32): bool {
  let piece = load<u32>(fragments.datagram(number), fragments.DATAGRAM_PIECE);
  while (piece != 0) {
    const at = fragments.piece(piece);
    if (load<u32>(at, fragments.PIECE_OFFSET) == offset) {
      return load<u32>(at, fragments.PIECE_LENGTH) == length && fragments.samePiece(piece, data);
    }
    piece = load<u32>(at, fragments.PIECE_NEXT);
  }
  return false;
}

function overlaps(number: u32, offset: u32, length: u32, more: bool): bool {
  const end = offset + length;
  const total = load<u32>(fragments.datagram(number), fragments.DATAGRAM_TOTAL);
  if (total != 0 && (end > total || !more)) return true;
  let piece = load<u32>(fragments.datagram(number), fragments.DATAGRAM_PIECE);
  while (piece != 0) {
    const at = fragments.piece(piece);
    const heldOffset = load<u32>(at, fragments.PIECE_OFFSET);
    const heldEnd = heldOffset + load<u32>(at, fragments.PIECE_LENGTH);
    if ((offset < heldEnd && heldOffset < end) || (!more && heldEnd > end)) return true;
    piece = load<u32>(at, fragments.PIECE_NEXT);
  }
  return false;
}

function hold(number: u32, d: usize, data: usize, offset: u32, length: u32): u32 {
  const own = fragments.addPiece(d + SOURCE, data, length);
  const at = fragments.piece(own);
  store<u64>(at, load<u64>(d, PACKET), fragments.PIECE_PACKET);
  store<u32>(at, offset, fragments.PIECE_OFFSET);
  const datagram = fragments.datagram(number);
  let link = datagram + fragments.DATAGRAM_PIECE;
  while (
    load<u32>(link) != 0 &&
    load<u32>(fragments.piece(load<u32>(link)), fragments.PIECE_OFFSET) < offset
  ) {
    link = fragments.piece(load<u32>(link)) + fragments.PIECE_NEXT;
  }
  store<u32>(at, load<u32>(link), fragments.PIECE_NEXT);
  store<u32>(link, own);
  store<u32>(datagram, load<u32>(datagram, fragments.DATAGRAM_COUNT) + 1, fragments.DATAGRAM_COUNT);
  store<u32>(datagram, load<u32>(datagram, fragments.DATAGRAM_BYTES) + length, fragments.DATAGRAM_BYTES);
  return own;
}

/** Puts the datagram together; the last fragment, whose piece is `own`, goes on as the whole of it. */
function complete(bucket: usize, number: u32, d: usize, own: u32): usize {
  const datagram = fragments.datagram(number);
  const payload = assembled() + assembledUsed + HEADROOM;
  const total = load<u32>(datagram, fragments.DATAGRAM_TOTAL);
  next = load<u32>(datagram, fragments.DATAGRAM_NEXT_HEADER);
  let piece = load<u32>(datagram, fragments.DATAGRAM_PIECE);
  while (piece != 0) {
    const at = fragments.piece(piece);
    const following = load<u32>(at, fragments.PIECE_NEXT);
    fragments.copyPiece(piece, payload + load<u32>(at, fragments.PIECE_OFFSET));
    if (piece != own) settle(load<u64>(at, fragments.PIECE_PACKET), Verdict.Reassembled);
    fragments.removePiece(d + SOURCE, piece);
    piece = following;
  }
  fragments.removeDatagram(bucket, number);
  assembledUsed = (assembledUsed + HEADROOM + total + FRAME_MIN + 15) & ~15; // behind it room for padding
  store<u32>(d, <u32>payload + total, END);
  store<u64>(d, <u64>payload + total, DECLARED);
  store<u32>(d, load<u32>(d, HAS) | HAS_DATAGRAM, HAS);
  trace(Header.Datagram, payload, total);
  return payload;
}

/**
 * Settles every fragment held; the datagram stays without them, and its later fragments get the same verdict. One block
 * stays charged for it, so that nobody fills the table with discarded datagrams beyond its share.
 */
function discard(number: u32, verdict: Verdict): usize {
  drop(number, verdict);
  const at = fragments.datagram(number);
  store<u32>(at, verdict, fragments.DATAGRAM_DISCARDED);
  const charged = fragments.addPiece(at + fragments.DATAGRAM_SOURCE, at, 1);
  store<u32>(fragments.piece(charged), 0, fragments.PIECE_NEXT);
  store<u32>(at, charged, fragments.DATAGRAM_PIECE);
  return verdict;
}

function drop(number: u32, verdict: Verdict): void {
  const datagram = fragments.datagram(number);
  let piece = load<u32>(datagram, fragments.DATAGRAM_PIECE);
  while (piece != 0) {
    const at = fragments.piece(piece);
    const following = load<u32>(at, fragments.PIECE_NEXT);
    settle(load<u64>(at, fragments.PIECE_PACKET), verdict);
    fragments.removePiece(datagram + fragments.DATAGRAM_SOURCE, piece);
    piece = following;
  }
  store<u32>(datagram, 0, fragments.DATAGRAM_PIECE);
}

function settle(packet: u64, verdict: Verdict): void {
  const count = field(WORKER_SETTLED_COUNT);
  const event = <usize>field(WORKER_SETTLED) + count * SETTLED_SIZE;
  store<u64>(event, packet, SETTLED_PACKET);
  store<u32>(event, verdict, SETTLED_VERDICT);
  setField(WORKER_SETTLED_COUNT, count + 1);
  add(verdict, 1);
  add(Counter.Held, -1);
}

/** Packet time past which something is to be discarded. */
export function expiry(): u64 {
  return fragments.deadline();
}

/** Packet time before which the clock must have been set back: more than the timeout before the first fragment of all. */
export function setBack(): u64 {
  const deadline = fragments.deadline();
  const timeout = load<u64>(CONFIG_TIMEOUT);
  return deadline == u64.MAX_VALUE || timeout > deadline >> 1 ? 0 : deadline - 2 * timeout;
}

/** Discards every datagram whose first fragment came more than the timeout before `time`. */
export function expire(time: u64): void {
  if (time > fragments.deadline()) sweep(time);
  else if (time < setBack()) beginAnew(time);
}

/** Packets are told another time from now on, by so many nanoseconds: what is held is no older for that. */
export function clockSet(nanoseconds: i64): void {
  const deadline = fragments.deadline();
  if (deadline == u64.MAX_VALUE) return;
  for (let hash: u32 = 0; hash < fragments.DATAGRAM_BUCKET_COUNT; hash++) {
    let number = load<u32>(fragments.datagramBucket(hash));
    while (number != 0) {
      const at = fragments.datagram(number);
      store<u64>(
        at,
        load<u64>(at, fragments.DATAGRAM_FIRST_TIME) + nanoseconds,
        fragments.DATAGRAM_FIRST_TIME,
      );
      number = load<u32>(at, fragments.DATAGRAM_NEXT);
    }
  }
  fragments.setDeadline(deadline + nanoseconds);
}

/** The time of what is held counts from now: otherwise it would be kept for as long as the clock was set back. */
function beginAnew(time: u64): void {
  for (let hash: u32 = 0; hash < fragments.DATAGRAM_BUCKET_COUNT; hash++) {
    let number = load<u32>(fragments.datagramBucket(hash));
    while (number != 0) {
      const at = fragments.datagram(number);
      store<u64>(at, time, fragments.DATAGRAM_FIRST_TIME);
      number = load<u32>(at, fragments.DATAGRAM_NEXT);
    }
  }
  fragments.setDeadline(deadlineOf(time));
}

/** The end of input: whatever is held will never be complete. */
export function expireAll(): void {
  sweep(u64.MAX_VALUE);
}

function sweep(time: u64): void {
  let earliest = u64.MAX_VALUE;
  for (let hash: u32 = 0; hash < fragments.DATAGRAM_BUCKET_COUNT; hash++) {
    const bucket = fragments.datagramBucket(hash);
    let number = load<u32>(bucket);
    while (number != 0) {
      const at = fragments.datagram(number);
      const following = load<u32>(at, fragments.DATAGRAM_NEXT);
      const deadline = deadlineOf(load<u64>(at, fragments.DATAGRAM_FIRST_TIME));
      if (time > deadline || time == u64.MAX_VALUE) {
        if (load<u32>(at, fragments.DATAGRAM_DISCARDED) == 0) drop(number, Verdict.FragmentTimeout);
        else fragments.removePiece(at + fragments.DATAGRAM_SOURCE, load<u32>(at, fragments.DATAGRAM_PIECE));
        fragments.removeDatagram(bucket, number);
      } else if (deadline < earliest) {
        earliest = deadline;
      }
      number = following;
    }
  }
  fragments.setDeadline(earliest);
}
