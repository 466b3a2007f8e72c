// Capture-file records of a selection of the batch, in place of a copy through the host: the decoded frame, or for packets
// in no tunnel the frame as it came.

import { copyBytes } from "../memory/copy";
import {
  CAPTURED,
  COMMENT,
  COMMENT_LENGTH,
  DESCRIPTOR,
  DESCRIPTORS,
  DIRECTION,
  FRAME,
  INNER,
  INNER_CAPTURED,
  INNER_ORIGINAL,
  INTERFACE,
  NONE,
  ORIGINAL,
  SELECTION,
  SESSION,
  TIME,
  VERDICT,
  WORKER_EMITTED,
} from "../memory/layout";
import { setField, worker } from "../memory/worker";
import { Verdict } from "../verdict";
import * as pcap from "../wire/pcap";
import * as pcapng from "../wire/pcapng";

let data: usize = 0;
let captured: u32 = 0;
let original: u32 = 0;

/** What is written of the packet of `d`. Gives the number + 1 of its interface, 0 when the file has none for it yet. */
function choose(d: usize, interfaces: usize, snaplen: u32): u32 {
  let number: u32;
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
  captured = min<u32>(captured, snaplen);
  return number;
}

/**
 * Writes Enhanced Packet Blocks of descriptors `first` to `count` of the selection between `to` and `limit`. Stops before
 * one that does not fit or whose interface is not known; how many it took is in WORKER_EMITTED. `interfaces` has, for
 * each session, the number of its interface + 1. Gives the address after the last block.
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
    const d = worker() + DESCRIPTORS + <usize>load<u8>(selection + i) * DESCRIPTOR;
    const number = choose(d, interfaces, snaplen);
    const direction = <u32>load<u8>(d, DIRECTION);
    const comment = load<u32>(d, COMMENT_LENGTH);
    const dataLength = pcapng.padded(captured);
    let options: usize = 0;
    if (direction != 0) options += pcapng.OPTION_HEADER_LEN + 4;
    if (comment != 0) options += pcapng.OPTION_HEADER_LEN + pcapng.padded(comment);
    if (options != 0) options += pcapng.OPTION_HEADER_LEN;
    const length = pcapng.DATA + dataLength + options + pcapng.TRAILER_LEN;
    if (number == 0 || to + length > limit) break;

    const time = load<u64>(d, TIME);
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
    if (options != 0) at = putOptions(at, d, direction, comment);
    store<u32>(at, <u32>length);
    to = at + pcapng.TRAILER_LEN;
  }
  setField(WORKER_EMITTED, i - first);
  return to;
}

function putOptions(at: usize, d: usize, direction: u32, comment: u32): usize {
  if (comment != 0) {
    at = pcapng.putOption(at, pcapng.OPTION_COMMENT, comment);
    store<u32>(at + pcapng.padded(comment) - 4, 0);
    copyBytes(at, load<u32>(d, COMMENT), comment);
    at += pcapng.padded(comment);
  }
  if (direction != 0) {
    at = pcapng.putOption(at, pcapng.OPTION_FLAGS, 4);
    store<u32>(at, direction);
    at += 4;
  }
  return pcapng.putOption(at, pcapng.OPTION_END, 0);
}

/** The same in nanosecond pcap records; the file's one link type stands for the interface. */
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
    const d = worker() + DESCRIPTORS + <usize>load<u8>(selection + i) * DESCRIPTOR;
    const number = choose(d, interfaces, snaplen);
    if (number == 0 || to + pcap.HEADER_LEN + captured > limit) break;
    const time = load<u64>(d, TIME);
    store<u32>(to, <u32>(time / 1_000_000_000), pcap.SECONDS);
    store<u32>(to, <u32>(time % 1_000_000_000), pcap.FRACTION);
    store<u32>(to, captured, pcap.CAPTURED);
    store<u32>(to, original, pcap.ORIGINAL);
    copyBytes(to + pcap.HEADER_LEN, data, captured);
    to += pcap.HEADER_LEN + captured;
  }
  setField(WORKER_EMITTED, i - first);
  return to;
}
