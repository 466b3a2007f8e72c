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
  ORIGINAL,
  SELECTION,
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

function choose(d: usize, snaplen: u32): void {
  if (load<u8>(d, VERDICT) == Verdict.Delivered) {
    data = load<u32>(d, INNER);
    captured = load<u32>(d, INNER_CAPTURED);
    original = load<u32>(d, INNER_ORIGINAL);
  } else {
    data = load<u32>(d, FRAME);
    captured = load<u32>(d, CAPTURED);
    original = max<u32>(captured, load<u32>(d, ORIGINAL));
  }
  captured = min<u32>(captured, snaplen);
}

/** Writes Enhanced Packet Blocks of descriptors `first` to `count` of the selection between `to` and `limit`, as many as
 * fit (how many: WORKER_EMITTED). Gives the address after the last. */
export function encodePcapng(first: u32, count: u32, to: usize, limit: usize, snaplen: u32): usize {
  const selection = worker() + SELECTION;
  let i = first;
  for (; i < count; i++) {
    const d = worker() + DESCRIPTORS + <usize>load<u8>(selection + i) * DESCRIPTOR;
    choose(d, snaplen);
    const direction = <u32>load<u8>(d, DIRECTION);
    const comment = load<u32>(d, COMMENT_LENGTH);
    const dataLength = pcapng.padded(captured);
    let options: usize = 0;
    if (direction != 0) options += pcapng.OPTION_HEADER_LEN + 4;
    if (comment != 0) options += pcapng.OPTION_HEADER_LEN + pcapng.padded(comment);
    if (options != 0) options += pcapng.OPTION_HEADER_LEN;
    const length = pcapng.DATA + dataLength + options + pcapng.TRAILER_LEN;
    if (to + length > limit) break;

    const time = load<u64>(d, TIME);
    store<u32>(to, pcapng.ENHANCED_PACKET, pcapng.TYPE);
    store<u32>(to, <u32>length, pcapng.LENGTH);
    store<u32>(to, load<u32>(d, INTERFACE), pcapng.INTERFACE);
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

/** The same in nanosecond pcap records. */
export function encodePcap(first: u32, count: u32, to: usize, limit: usize, snaplen: u32): usize {
  const selection = worker() + SELECTION;
  let i = first;
  for (; i < count; i++) {
    const d = worker() + DESCRIPTORS + <usize>load<u8>(selection + i) * DESCRIPTOR;
    choose(d, snaplen);
    if (to + pcap.HEADER_LEN + captured > limit) break;
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
