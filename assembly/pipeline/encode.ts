// Capture-file records of a selection: packets of the batch (the decoded frame, or for packets in no tunnel the frame as it
// came), or deliveries that were taken (the frame as its sniffer gets it, IP fragments one by one).

import { copyBytes } from "../memory/copy";
import {
  CAPTURED,
  COMMENT,
  COMMENT_LENGTH,
  DESCRIPTOR,
  DESCRIPTORS,
  DIRECTION,
  FRAME,
  HAS,
  INNER,
  INNER_CAPTURED,
  INNER_ORIGINAL,
  INTERFACE,
  NONE,
  ORIGINAL,
  RECORD_ABOUT,
  RECORD_FRAME,
  RECORD_LENGTH,
  RECORD_NEXT,
  RECORD_ORIGINAL,
  RECORD_TIME,
  SELECTION,
  SESSION,
  TAKEN,
  TIME,
  VERDICT,
  WORKER_EMITTED,
  WORKER_SESSION_CAPACITY,
} from "../memory/layout";
import { record } from "../memory/records";
import { field, setField, worker } from "../memory/worker";
import { Verdict } from "../verdict";
import * as pcap from "../wire/pcap";
import * as pcapng from "../wire/pcapng";

// What is written next.
let data: usize = 0;
let captured: u32 = 0;
let original: u32 = 0;
let time: u64 = 0;
let direction: u32 = 0;
let comment: usize = 0;
let commentLength: u32 = 0;
/** Number + 1 of its interface; 0: the file has none for it yet. */
let number: u32 = 0;
/** The record of a delivery's next fragment, or NONE. */
let following: u32 = NONE;

function choosePacket(d: usize, interfaces: usize): void {
  if (load<u8>(d, VERDICT) == Verdict.Delivered) {
    data = load<u32>(d, INNER);
    captured = load<u32>(d, INNER_CAPTURED);
    original = load<u32>(d, INNER_ORIGINAL);
    const session = load<u32>(d, SESSION);
    number = session == NONE ? load<u32>(d, INTERFACE) : load<u32>(interfaces + (session << 2));
  } else {
    data = load<u32>(d, FRAME);
    captured = load<u32>(d, CAPTURED);
    original = max<u32>(captured, load<u32>(d, ORIGINAL));
    number = load<u32>(d, INTERFACE);
  }
  time = load<u64>(d, TIME);
  direction = load<u8>(d, DIRECTION);
  comment = load<u32>(d, COMMENT);
  commentLength = load<u32>(d, COMMENT_LENGTH);
}

/** `rewritten`: what is on the wire is all there is of the frame. Without a session the interface is the table's last. */
function chooseDelivery(at: usize, interfaces: usize, rewritten: bool): void {
  chooseRecord(at, rewritten);
  const session = load<u32>(at, RECORD_ABOUT + SESSION - HAS);
  const entry = session == NONE ? field(WORKER_SESSION_CAPACITY) : session;
  number = load<u32>(interfaces + (entry << 2));
}

function chooseRecord(at: usize, rewritten: bool): void {
  data = load<u32>(at, RECORD_FRAME);
  captured = load<u32>(at, RECORD_LENGTH);
  original = rewritten ? captured : load<u32>(at, RECORD_ORIGINAL);
  time = load<u64>(at, RECORD_TIME);
  direction = load<u8>(at, RECORD_ABOUT + DIRECTION - HAS);
  commentLength = 0;
  following = load<u32>(at, RECORD_NEXT);
}

/** An Enhanced Packet Block at `to`. Gives its end, or 0 when it does not fit or its interface is not known. */
function putPcapng(to: usize, limit: usize): usize {
  const dataLength = pcapng.padded(captured);
  let options: usize = 0;
  if (direction != 0) options += pcapng.OPTION_HEADER_LEN + 4;
  if (commentLength != 0) options += pcapng.OPTION_HEADER_LEN + pcapng.padded(commentLength);
  if (options != 0) options += pcapng.OPTION_HEADER_LEN;
  const length = pcapng.DATA + dataLength + options + pcapng.TRAILER_LEN;
  if (number == 0 || to + length > limit) return 0;

  store<u32>(to, pcapng.ENHANCED_PACKET, pcapng.TYPE);
  store<u32>(to, <u32>length, pcapng.LENGTH);
  store<u32>(to, number - 1, pcapng.INTERFACE);
  store<u32>(to, <u32>(time >> 32), pcapng.TIME_HIGH);
  store<u32>(to, <u32>time, pcapng.TIME_LOW);
  store<u32>(to, captured, pcapng.CAPTURED);
  store<u32>(to, original, pcapng.ORIGINAL);
  let at = to + pcapng.DATA;
  if ((captured & 3) != 0) store<u32>(at + dataLength - 4, 0);
  copyBytes(at, data, captured);
  at += dataLength;
  if (options != 0) at = putOptions(at);
  store<u32>(at, <u32>length);
  return at + pcapng.TRAILER_LEN;
}

function putOptions(at: usize): usize {
  if (commentLength != 0) {
    at = pcapng.putOption(at, pcapng.OPTION_COMMENT, commentLength);
    store<u32>(at + pcapng.padded(commentLength) - 4, 0);
    copyBytes(at, comment, commentLength);
    at += pcapng.padded(commentLength);
  }
  if (direction != 0) {
    at = pcapng.putOption(at, pcapng.OPTION_FLAGS, 4);
    store<u32>(at, direction);
    at += 4;
  }
  return pcapng.putOption(at, pcapng.OPTION_END, 0);
}

/** The same in a nanosecond pcap record; the file's one link type stands for the interface. */
function putPcap(to: usize, limit: usize): usize {
  if (number == 0 || to + pcap.HEADER_LEN + captured > limit) return 0;
  store<u32>(to, <u32>(time / 1_000_000_000), pcap.SECONDS);
  store<u32>(to, <u32>(time % 1_000_000_000), pcap.FRACTION);
  store<u32>(to, captured, pcap.CAPTURED);
  store<u32>(to, original, pcap.ORIGINAL);
  copyBytes(to + pcap.HEADER_LEN, data, captured);
  return to + pcap.HEADER_LEN + captured;
}

/**
 * Writes packets `first` to `count` of the selection between `to` and `limit`, as pcapng blocks. Stops before one that does not fit or
 * whose interface is not known; how many it took is in WORKER_EMITTED. `interfaces` has, for each session, the number of
 * its interface + 1. Gives the address after the last block.
 */
export function encodePcapng(
  first: u32,
  count: u32,
  to: usize,
  limit: usize,
  snaplen: u32,
  interfaces: usize,
): usize {
  const selection = worker() + SELECTION;
  let i = first;
  for (; i < count; i++) {
    choosePacket(worker() + DESCRIPTORS + <usize>load<u8>(selection + i) * DESCRIPTOR, interfaces);
    captured = min<u32>(captured, snaplen);
    const next = putPcapng(to, limit);
    if (next == 0) break;
    to = next;
  }
  setField(WORKER_EMITTED, i - first);
  return to;
}

/** The same as pcap records. */
export function encodePcap(
  first: u32,
  count: u32,
  to: usize,
  limit: usize,
  snaplen: u32,
  interfaces: usize,
): usize {
  const selection = worker() + SELECTION;
  let i = first;
  for (; i < count; i++) {
    choosePacket(worker() + DESCRIPTORS + <usize>load<u8>(selection + i) * DESCRIPTOR, interfaces);
    captured = min<u32>(captured, snaplen);
    const next = putPcap(to, limit);
    if (next == 0) break;
    to = next;
  }
  setField(WORKER_EMITTED, i - first);
  return to;
}

/**
 * Writes deliveries `first` to `count` of the selection, places among those taken, in the same way; all fragments of one or none. An
 * interface for what has no session stands behind those of the sessions.
 */
export function encodeDeliveries(
  first: u32,
  count: u32,
  to: usize,
  limit: usize,
  rewritten: bool,
  interfaces: usize,
  asPcapng: bool,
): usize {
  const selection = worker() + SELECTION;
  let i = first;
  for (; i < count; i++) {
    let next = to;
    let entry = load<u32>(worker() + TAKEN + ((<usize>load<u8>(selection + i)) << 2));
    do {
      chooseDelivery(record(entry), interfaces, rewritten);
      next = asPcapng ? putPcapng(next, limit) : putPcap(next, limit);
      entry = following;
    } while (next != 0 && entry != NONE);
    if (next == 0) break;
    to = next;
  }
  setField(WORKER_EMITTED, i - first);
  return to;
}

/**
 * Writes the frame of the record at `at` between `to` and `limit`, as a pcapng block of interface number `id`. Gives the address after
 * it, or 0 when it does not fit.
 */
export function encodeRecord(at: usize, id: u32, to: usize, limit: usize): usize {
  chooseRecord(at, false);
  number = id + 1;
  return putPcapng(to, limit);
}
