// Delivery by a tunnel: the headers in front of the frame. Everything that is the same for all packets to a sniffer stands
// ready in its record (`prepareSniffer`) and is copied; lengths, checksums, ports, sequence and ERSPAN's fields follow.

import { Delivery } from "../delivery";
import {
  CELL_IDENTIFICATION,
  CELL_NUMBER,
  DIRECTION,
  DIRECTION_OUT,
  FIT_FRAGMENT,
  HARDWARE_ID,
  HAS,
  HAS_TRUNCATED,
  INNER_ORIGINAL,
  SNIFFER_ADDRESS,
  SNIFFER_CHECKSUM,
  SNIFFER_DATAGRAMS,
  SNIFFER_DESTINATION_MAC,
  SNIFFER_FIT,
  SNIFFER_FLAGS,
  SNIFFER_HEADER,
  SNIFFER_ID,
  SNIFFER_INDEX,
  SNIFFER_IPV6,
  SNIFFER_KEY,
  SNIFFER_LINK_LENGTH,
  SNIFFER_MODE,
  SNIFFER_OVERHEAD,
  SNIFFER_PORT,
  SNIFFER_SOURCE,
  SNIFFER_SOURCE_MAC,
  SNIFFER_STATE,
  SNIFFER_SUM,
  SNIFFER_VLAN,
  TIME,
} from "../memory/layout";
import { add, complement, fold, sum } from "../wire/checksum";
import * as erspan from "../wire/erspan";
import * as erspan2 from "../wire/erspan2";
import * as erspan3 from "../wire/erspan3";
import * as etherTypes from "../wire/ether-type";
import * as ethernet from "../wire/ethernet";
import * as geneve from "../wire/geneve";
import * as gre from "../wire/gre";
import * as protocols from "../wire/ip-protocol";
import * as ipv4 from "../wire/ipv4";
import * as ipv6 from "../wire/ipv6";
import * as udp from "../wire/udp";
import * as vlan from "../wire/vlan";
import * as vxlan from "../wire/vxlan";
import { flowHash } from "./flow";
import { segmentHeadroom } from "./rewrite";

const TTL: u32 = 64;
const FIRST_PORT: u32 = 49152; // RFC 7348 5: source ports from the dynamic range
const PORT_MASK: u32 = 0x3fff;
const NANOSECONDS: u64 = 1_000_000_000;

let identification: u32 = 0;

/** Of the packet last encapsulated, when it may be fragmented. */
export function lastIdentification(): u32 {
  return identification;
}

export function isTunnelMode(mode: u32): bool {
  return mode >= <u32>Delivery.Vxlan;
}
/** Whether the far end is reached over IPv6. */
export function isIpv6(sniffer: usize): bool {
  return (load<u16>(sniffer, SNIFFER_FLAGS) & SNIFFER_IPV6) != 0;
}
function isUdp(mode: u32): bool {
  return mode == Delivery.Vxlan || mode == Delivery.Geneve;
}

/** Fills in what a record's other fields imply: the header that is copied, its lengths, its sum. */
export function prepareSniffer(sniffer: usize): void {
  const mode = <u32>load<u8>(sniffer, SNIFFER_MODE);
  if (!isTunnelMode(mode)) {
    const grows = mode == Delivery.Plain ? 0 : segmentHeadroom(sniffer);
    store<u16>(sniffer, <u16>grows, SNIFFER_LINK_LENGTH);
    store<u16>(sniffer, 0, SNIFFER_OVERHEAD);
    return;
  }
  const header = sniffer + SNIFFER_HEADER;
  const ip = header + prepareLink(sniffer, header);
  let p = ip + prepareIp(sniffer, ip, isUdp(mode) ? protocols.UDP : protocols.GRE);
  p += isUdp(mode) ? prepareUdpTunnel(sniffer, p, mode) : prepareGreTunnel(sniffer, p, mode);
  store<u16>(sniffer, <u16>(ip - header), SNIFFER_LINK_LENGTH);
  store<u16>(sniffer, <u16>(p - ip), SNIFFER_OVERHEAD);
}

function prepareLink(sniffer: usize, header: usize): usize {
  const type = isIpv6(sniffer) ? etherTypes.IPV6 : etherTypes.IPV4;
  const tag = <u32>load<u16>(sniffer, SNIFFER_VLAN);
  const outer = tag == 0 ? type : vlan.TPID_CUSTOMER;
  ethernet.put(header, sniffer + SNIFFER_DESTINATION_MAC, sniffer + SNIFFER_SOURCE_MAC, outer);
  if (tag == 0) return ethernet.HEADER_LEN;
  vlan.put(header + ethernet.HEADER_LEN, tag, type);
  return ethernet.HEADER_LEN + vlan.HEADER_LEN;
}

function prepareIp(sniffer: usize, ip: usize, protocol: u32): usize {
  const source = sniffer + SNIFFER_SOURCE;
  const destination = sniffer + SNIFFER_ADDRESS;
  if (isIpv6(sniffer)) {
    ipv6.put(ip, protocol, TTL, source, destination);
    return ipv6.HEADER_LEN;
  }
  ipv4.put(ip, protocol, TTL, load<u8>(sniffer, SNIFFER_FIT) != FIT_FRAGMENT, source, destination);
  store<u32>(sniffer, sum(ip, ipv4.HEADER_LEN), SNIFFER_SUM);
  return ipv4.HEADER_LEN;
}

function prepareUdpTunnel(sniffer: usize, p: usize, mode: u32): usize {
  udp.put(p, 0, load<u16>(sniffer, SNIFFER_PORT), 0);
  const id = load<u32>(sniffer, SNIFFER_ID);
  if (mode == Delivery.Vxlan) {
    vxlan.put(p + udp.HEADER_LEN, id);
    return udp.HEADER_LEN + vxlan.HEADER_LEN;
  }
  geneve.put(p + udp.HEADER_LEN, etherTypes.TRANSPARENT_ETHERNET, id);
  return udp.HEADER_LEN + geneve.HEADER_LEN;
}

function prepareGreTunnel(sniffer: usize, p: usize, mode: u32): usize {
  if (mode == Delivery.Gre) {
    const flags = (load<u16>(sniffer, SNIFFER_FLAGS) & SNIFFER_KEY) != 0 ? gre.K : 0;
    gre.put(p, flags, etherTypes.TRANSPARENT_ETHERNET);
    if (flags != 0) gre.putField(gre.key(p, flags), load<u32>(sniffer, SNIFFER_ID));
    return gre.fieldsEnd(p, flags) - p;
  }
  gre.put(p, gre.S, mode == Delivery.Erspan2 ? etherTypes.ERSPAN2 : etherTypes.ERSPAN3);
  const payload = gre.fieldsEnd(p, gre.S);
  if (mode == Delivery.Erspan2) {
    erspan2.putIndex(payload, load<u32>(sniffer, SNIFFER_INDEX));
    return payload + erspan2.HEADER_LEN - p;
  }
  return payload + erspan3.HEADER_LEN - p;
}

/** Writes the headers at `frame`, in front of `length` bytes of the frame of `d`. */
export function encapsulate(sniffer: usize, d: usize, frame: usize, length: u32): void {
  const link = <usize>load<u16>(sniffer, SNIFFER_LINK_LENGTH);
  const overhead = <usize>load<u16>(sniffer, SNIFFER_OVERHEAD);
  copyHeader(frame, sniffer + SNIFFER_HEADER, link + overhead);
  const mode = <u32>load<u8>(sniffer, SNIFFER_MODE);
  const ip = frame + link;
  const payload = ip + overhead;
  const needsFlow = isUdp(mode) || isIpv6(sniffer);
  const hash = needsFlow ? flowHash(d) : 0;
  const counts = load<u8>(sniffer, SNIFFER_FIT) == FIT_FRAGMENT;
  identification = counts ? nextIdentification(sniffer) : 0;
  let upper: usize;
  if (isIpv6(sniffer)) {
    ipv6.putFlowLabel(ip, hash & 0xfffff);
    ipv6.putPayloadLength(ip, <u32>overhead - <u32>ipv6.HEADER_LEN + length);
    upper = ip + ipv6.HEADER_LEN;
  } else {
    ipv4.putLength(ip, <u32>overhead + length, identification, load<u32>(sniffer, SNIFFER_SUM));
    upper = ip + ipv4.HEADER_LEN;
  }
  if (isUdp(mode)) {
    const udpLength = <u32>(payload - upper) + length;
    udp.put(upper, FIRST_PORT + (hash & PORT_MASK), load<u16>(sniffer, SNIFFER_PORT), udpLength);
    if (isIpv6(sniffer) || (load<u16>(sniffer, SNIFFER_FLAGS) & SNIFFER_CHECKSUM) != 0) {
      putUdpChecksum(sniffer, upper, udpLength);
    }
  } else if (mode != Delivery.Gre) {
    gre.putField(gre.sequence(upper, gre.S), nextNumber(sniffer));
    putErspan(sniffer, d, gre.fieldsEnd(upper, gre.S), payload, length, mode);
  }
}

/** 30 to 78 bytes. */
function copyHeader(to: usize, from: usize, length: usize): void {
  v128.store(to, v128.load(from));
  const last = length - 16;
  for (let i: usize = 16; i < last; i += 16) v128.store(to + i, v128.load(from + i));
  v128.store(to + last, v128.load(from + last));
}

/** Sequence number of a packet to the sniffer's destination and session; all workers share the counter. */
function nextNumber(sniffer: usize): u32 {
  return atomic.add<u32>(<usize>load<u32>(sniffer, SNIFFER_STATE) + CELL_NUMBER, 1);
}
/** And identification of an IP packet to the destination. */
function nextIdentification(sniffer: usize): u32 {
  return atomic.add<u32>(<usize>load<u32>(sniffer, SNIFFER_DATAGRAMS) + CELL_IDENTIFICATION, 1);
}

/** Over the pseudo header of RFC 768, or of RFC 8200 8.1, which sums to the same for less than 64 KiB. */
function putUdpChecksum(sniffer: usize, header: usize, length: u32): void {
  const addresses = <u64>sum(sniffer + SNIFFER_SOURCE, 16) + sum(sniffer + SNIFFER_ADDRESS, 16);
  // ::ffff:a.b.c.d sums as a.b.c.d: ffff is ones' complement zero.
  const pseudo = fold(addresses + <u32>bswap<u16>(<u16>length) + (protocols.UDP << 8));
  const checksum = complement(add(pseudo, sum(header, length)));
  store<u16>(header, checksum == 0 ? 0xffff : <u16>checksum, udp.CHECKSUM);
}

function putErspan(sniffer: usize, d: usize, header: usize, frame: usize, length: u32, mode: u32): void {
  const isTagged = length >= <u32>(ethernet.HEADER_LEN + vlan.HEADER_LEN) && vlan.isTag(ethernet.type(frame));
  const tag = isTagged ? vlan.controlOf(frame + ethernet.HEADER_LEN) : 0;
  const isCut = (load<u32>(d, HAS) & HAS_TRUNCATED) != 0 || length < load<u32>(d, INNER_ORIGINAL);
  const session = load<u32>(sniffer, SNIFFER_ID);
  if (mode == Delivery.Erspan2) {
    const en = isTagged ? erspan2.EN_PRESERVED : erspan2.EN_UNTAGGED;
    erspan.put(header, erspan2.VERSION, tag, en, isCut, session);
    return;
  }
  erspan.put(header, erspan3.VERSION, tag, 0, isCut, session);
  const direction: u32 = load<u8>(d, DIRECTION) == DIRECTION_OUT ? 1 : 0;
  const nanoseconds = <u32>(load<u64>(d, TIME) % NANOSECONDS);
  erspan3.put(header, nanoseconds, load<u8>(d, HARDWARE_ID), direction, erspan3.GRANULARITY_NANOSECONDS);
}
