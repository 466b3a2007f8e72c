// IP fragments of an encapsulated packet that is longer than the path takes (`fit: fragment`). The first stays where the packet
// lies; the others are copies with headers of their own, chained behind its record.

import { copyBytes } from "../memory/copy";
import {
  FRAME_MIN,
  HEADROOM,
  NONE,
  RECORD_ABOUT,
  RECORD_FRAME,
  RECORD_LENGTH,
  RECORD_NEXT,
  RECORD_SIZE,
  RECORD_SLOT,
  SNIFFER_LINK_LENGTH,
  SNIFFER_MTU,
} from "../memory/layout";
import { record, takeRecord } from "../memory/records";
import { SLOT_CONTENT, slotStart, takeSlot } from "../memory/slots";
import * as protocols from "../wire/ip-protocol";
import * as ipv4 from "../wire/ipv4";
import * as ipv6 from "../wire/ipv6";
import { isIpv6, lastIdentification } from "./encapsulate";

/** Bytes that the IPv6 header of each fragment is longer than the packet's own. */
export function splitHeadroom(sniffer: usize): u32 {
  return isIpv6(sniffer) ? <u32>ipv6.FRAGMENT_LEN : 0;
}

/** Bytes of the packet's data in a fragment that is not the last. */
function fragmentLength(sniffer: usize): u32 {
  const header = isIpv6(sniffer) ? <u32>(ipv6.HEADER_LEN + ipv6.FRAGMENT_LEN) : <u32>ipv4.HEADER_LEN;
  return (load<u32>(sniffer, SNIFFER_MTU) - header) & ~7;
}

/** Whether a fragment needs a slot for long frames. */
export function fragmentsAreLarge(sniffer: usize): bool {
  return <u32>load<u16>(sniffer, SNIFFER_LINK_LENGTH) + load<u32>(sniffer, SNIFFER_MTU) > SLOT_CONTENT;
}

/** How many fragments an IP packet of `total` bytes makes. */
export function fragmentCount(sniffer: usize, total: u32): u32 {
  const data = total - <u32>(isIpv6(sniffer) ? ipv6.HEADER_LEN : ipv4.HEADER_LEN);
  const most = fragmentLength(sniffer);
  return (data + most - 1) / most;
}

/** Splits the packet of `entry`, for whose fragments there are slots and records. */
export function split(sniffer: usize, entry: u32): void {
  const first = record(entry);
  const link = <usize>load<u16>(sniffer, SNIFFER_LINK_LENGTH);
  const header = link + (isIpv6(sniffer) ? ipv6.HEADER_LEN : ipv4.HEADER_LEN);
  let frame = <usize>load<u32>(first, RECORD_FRAME);
  const data = frame + header;
  const total = load<u32>(first, RECORD_LENGTH) - <u32>header;
  const most = fragmentLength(sniffer);
  const id = lastIdentification();
  let last = first;
  for (let offset = most; offset < total; offset += most) {
    const length = min<u32>(most, total - offset);
    last = addFragment(sniffer, last, first, frame, header, data + offset, length);
    const lastFrame = <usize>load<u32>(last, RECORD_FRAME);
    putHeader(sniffer, lastFrame, link, frame + link, length, offset, offset + length < total, id);
    pad(last);
  }
  if (isIpv6(sniffer)) {
    memory.copy(frame - ipv6.FRAGMENT_LEN, frame, header);
    frame -= ipv6.FRAGMENT_LEN;
    store<u32>(first, <u32>frame, RECORD_FRAME);
  }
  putHeader(sniffer, frame, link, frame + link, most, 0, true, id);
  store<u32>(first, <u32>(data - frame) + most, RECORD_LENGTH);
}

/** A record and a slot with a copy of the link and IP header, room for a fragment header, and the data. */
function addFragment(
  sniffer: usize,
  before: usize,
  first: usize,
  frame: usize,
  header: usize,
  data: usize,
  length: u32,
): usize {
  const entry = takeRecord();
  const at = record(entry);
  const slot = takeSlot(fragmentsAreLarge(sniffer));
  const copy = slotStart(slot) + HEADROOM;
  const grown = header + splitHeadroom(sniffer);
  copyBytes(copy, frame, header);
  copyBytes(copy + grown, data, length);
  memory.copy(at, first, RECORD_ABOUT);
  memory.copy(at + RECORD_ABOUT, first + RECORD_ABOUT, RECORD_SIZE - RECORD_ABOUT);
  store<u32>(at, <u32>copy, RECORD_FRAME);
  store<u32>(at, <u32>grown + length, RECORD_LENGTH);
  store<u32>(at, slot, RECORD_SLOT);
  store<u32>(at, NONE, RECORD_NEXT);
  store<u32>(before, entry, RECORD_NEXT);
  return at;
}

/** Makes the IP header of the packet at `frame` that of a fragment; `packet` is the header of the whole. */
function putHeader(
  sniffer: usize,
  frame: usize,
  link: usize,
  packet: usize,
  length: u32,
  offset: u32,
  more: bool,
  id: u32,
): void {
  const ip = frame + link;
  if (!isIpv6(sniffer)) {
    ipv4.putFragment(ip, <u32>ipv4.HEADER_LEN + length, offset, more);
    return;
  }
  ipv6.putFragment(ip + ipv6.HEADER_LEN, ipv6.nextHeader(packet), offset, more, id);
  ipv6.putNextHeader(ip, protocols.FRAGMENT);
  ipv6.putPayloadLength(ip, <u32>ipv6.FRAGMENT_LEN + length);
}

/** Zeros up to the least length of an Ethernet frame. */
function pad(at: usize): void {
  const length = load<u32>(at, RECORD_LENGTH);
  if (length >= <u32>FRAME_MIN) return;
  memory.fill(<usize>load<u32>(at, RECORD_FRAME) + length, 0, FRAME_MIN - length);
  store<u32>(at, FRAME_MIN, RECORD_LENGTH);
}
