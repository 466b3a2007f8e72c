// What goes around a tunnel's payload: the outer IP packet or its fragments, the outer Ethernet frame, its padding.

import { be16, be32, join } from "./octets.js";
import { onesComplementSum, put16 } from "./region.js";

export interface OuterIp {
  source: Uint8Array;
  destination: Uint8Array;
  protocol: number;
  /** 20 bits, IPv6. */
  flowLabel: number;
}

const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;
const HOPS = 64;
export const IPV4_HEADER = 20;
export const IPV6_HEADER = 40;
const FRAGMENT_HEADER = 8;
const FRAGMENT = 44;

/** The packet that must not be fragmented, and need not. */
export function wholePacket(ip: OuterIp, payload: Uint8Array): Uint8Array {
  return ip.destination.length === 4
    ? ipv4Packet(ip, payload, 0, DONT_FRAGMENT)
    : ipv6Packet(ip, ip.protocol, payload);
}

/** The packet, in as many fragments as it takes, of as much data as fits in multiples of 8. */
export function fragmentedPacket(
  ip: OuterIp,
  payload: Uint8Array,
  identification: number,
  mtu: number,
): Uint8Array[] {
  const isIpv4 = ip.destination.length === 4;
  const whole = (isIpv4 ? IPV4_HEADER : IPV6_HEADER) + payload.length;
  if (whole <= mtu) {
    return [isIpv4 ? ipv4Packet(ip, payload, identification, 0) : ipv6Packet(ip, ip.protocol, payload)];
  }
  const headers = isIpv4 ? IPV4_HEADER : IPV6_HEADER + FRAGMENT_HEADER;
  const size = Math.floor((mtu - headers) / 8) * 8;
  const fragments: Uint8Array[] = [];
  for (let from = 0; from < payload.length; from += size) {
    const data = payload.subarray(from, from + size);
    const more = from + size < payload.length;
    if (isIpv4) {
      const flags = (more ? MORE_FRAGMENTS : 0) | (from / 8);
      fragments.push(ipv4Packet(ip, data, identification, flags));
    } else {
      const header = join([ip.protocol, 0], be16(from | (more ? 1 : 0)), be32(identification));
      fragments.push(ipv6Packet(ip, FRAGMENT, join(header, data)));
    }
  }
  return fragments;
}

/** RFC 791. */
function ipv4Packet(ip: OuterIp, payload: Uint8Array, identification: number, fragment: number): Uint8Array {
  const packet = join(
    [0x45, 0],
    be16(IPV4_HEADER + payload.length),
    be16(identification),
    be16(fragment),
    [HOPS, ip.protocol, 0, 0],
    ip.source,
    ip.destination,
    payload,
  );
  put16(packet, 10, onesComplementSum(packet, 0, IPV4_HEADER) ^ 0xffff);
  return packet;
}

/** RFC 8200. */
function ipv6Packet(ip: OuterIp, next: number, payload: Uint8Array): Uint8Array {
  const first = 0x60000000 + ip.flowLabel;
  return join(be32(first), be16(payload.length), [next, HOPS], ip.source, ip.destination, payload);
}

export function onEthernet(destination: Uint8Array, source: Uint8Array, packet: Uint8Array): Uint8Array {
  return join(destination, source, be16(packet[0]! >> 4 === 4 ? 0x0800 : 0x86dd), packet);
}

/** Ethernet's least length without the frame check sequence. */
export function padded(frame: Uint8Array): Uint8Array {
  return join(frame, new Uint8Array(Math.max(0, 60 - frame.length)));
}
