// The headers of the frame inside the tunnel, as far as they were captured. The parser only passes them on; here they are
// read so that one sees what was mirrored.

import { ethernet, type Fields, ipv4Header, ipv6Header, udp, vlan } from "./fields.js";
import { ipv4, mac, u16, u32 } from "./network-order.js";
import { ARP, IPV4, IPV6, isExtension, isTag } from "./numbers.js";

/** A header and where it lies. */
export interface HeaderRecord {
  readonly name: string;
  /** In bytes: in the frame, or in the reassembled datagram when `datagram` is set. */
  readonly offset: number;
  readonly length: number;
  readonly fields: Fields;
  /** Offsets count from the beginning of the datagram put together from fragments. */
  readonly datagram?: true | undefined;
}

/** Headers of the inner frame at `at`. `etherType` is 0 for an Ethernet frame, or that of a bare IP packet. */
export function innerHeaders(
  b: Uint8Array,
  at: number,
  end: number,
  bareIp: boolean,
  datagram: true | undefined,
): HeaderRecord[] {
  const headers: HeaderRecord[] = [];
  const pass = (name: string, length: number, fields: Fields) => {
    headers.push({ name: `inner ${name}`, offset: at, length, fields, datagram });
    at += length;
  };
  let type: number;
  if (bareIp) {
    type = at < end && b[at]! >> 4 === 6 ? IPV6 : IPV4;
  } else {
    if (at + 14 > end) return headers;
    type = u16(b, at + 12);
    pass("Ethernet", 14, ethernet(b, at));
    for (let tags = 0; tags < 2 && isTag(type) && at + 4 <= end; tags++) {
      type = u16(b, at + 2);
      pass("VLAN tag", 4, vlan(b, at));
    }
  }
  let protocol = -1;
  if (type === IPV4 && at + 20 <= end && b[at]! >> 4 === 4) {
    const length = Math.max(20, (b[at]! & 15) * 4);
    const first = (u16(b, at + 6) & 0x1fff) === 0;
    if (first && at + length <= end) protocol = b[at + 9]!;
    pass("IPv4", length, ipv4Header(b, at));
  } else if (type === IPV6 && at + 40 <= end && b[at]! >> 4 === 6) {
    protocol = b[at + 6]!;
    pass("IPv6", 40, ipv6Header(b, at));
    while (isExtension(protocol) && at + 8 <= end) {
      protocol = b[at]!;
      pass("extension header", (b[at + 1]! + 1) * 8, { nextHeader: protocol });
    }
  } else if (type === ARP && at + 28 <= end && u16(b, at + 2) === IPV4) {
    pass("ARP", 28, arp(b, at));
  }
  if (protocol === 6 && at + 20 <= end) pass("TCP", Math.max(20, (b[at + 12]! >> 4) * 4), tcp(b, at));
  else if (protocol === 17 && at + 8 <= end) pass("UDP", 8, udp(b, at));
  else if (protocol === 1 && at + 4 <= end) pass("ICMP", 4, { type: b[at]!, code: b[at + 1]! });
  else if (protocol === 58 && at + 4 <= end) pass("ICMPv6", 4, { type: b[at]!, code: b[at + 1]! });
  return headers;
}

function tcp(b: Uint8Array, at: number): Fields {
  const bits = b[at + 13]!;
  let flags = "";
  for (let i = 0; i < 8; i++) if ((bits & (1 << i)) !== 0) flags += (flags && ",") + TCP_FLAGS[i]!;
  return {
    sourcePort: u16(b, at),
    destinationPort: u16(b, at + 2),
    sequence: u32(b, at + 4),
    acknowledgment: u32(b, at + 8),
    flags,
    window: u16(b, at + 14),
  };
}

const TCP_FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

function arp(b: Uint8Array, at: number): Fields {
  return {
    operation: u16(b, at + 6),
    sender: ipv4(b, at + 14),
    senderMac: mac(b, at + 8),
    target: ipv4(b, at + 24),
    targetMac: mac(b, at + 18),
  };
}
