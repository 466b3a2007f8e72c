// Modes `mac` and `ip`: the frame itself is addressed to the sniffer.

import { parseIp, parseMac } from "./address.js";
import { updatedChecksum } from "./checksum-update.js";
import { type InnerIp, readInnerIp } from "./inner-ip.js";
import { be16, join } from "./octets.js";
import { copy, fits, put16, skip, u16 } from "./region.js";
import type { ReferenceSniffer } from "./sniffer.js";

const HEADER = 14;

/** The frame as the sniffer gets it, before padding. */
export function rewritten(frame: Uint8Array, sniffer: ReferenceSniffer, interfaceMac: string): Uint8Array {
  const bytes = join(frame, new Uint8Array(Math.max(0, HEADER - frame.length)));
  if (sniffer.deliver === "ip") setIpDestination(bytes, parseIp(sniffer.ip!));
  bytes.set(parseMac(sniffer.mac!), 0);
  if (sniffer.sourceMac === "interface") bytes.set(parseMac(interfaceMac), 6);
  return tagged(bytes, sniffer.vlan);
}

/** With an 802.1Q tag after the MACs, PCP 0, DEI 0, before any tag that is there. */
export function tagged(frame: Uint8Array, vlan: number | undefined): Uint8Array {
  if (vlan === undefined) return frame;
  return join(frame.subarray(0, 12), be16(0x8100), be16(vlan), frame.subarray(12));
}

function setIpDestination(frame: Uint8Array, destination: Uint8Array): void {
  const ip = readInnerIp(frame, "into-first-fragment");
  if (ip === undefined || ip.destination.length !== destination.length) return;
  const before = copy(ip.destination);
  if (ip.version === 4) {
    const at = ip.at + 10;
    put16(frame, at, updatedChecksum(u16(frame, at), before, destination));
  }
  setTransportChecksum(frame, ip, before, destination);
  ip.destination.set(destination);
}

const UDP = 17;
const UDP_LITE = 136;
/** Where the checksum is of those that cover a pseudo header with the destination. */
const CHECKSUM_AT: Record<number, number> = { 6: 16, [UDP]: 6, 33: 6, [UDP_LITE]: 6 };
const ICMPV6 = 58;

function setTransportChecksum(frame: Uint8Array, ip: InnerIp, before: Uint8Array, after: Uint8Array): void {
  if (ip.fragment === "later" || ip.underway) return;
  const offset = ip.version === 6 && ip.protocol === ICMPV6 ? 2 : CHECKSUM_AT[ip.protocol];
  if (offset === undefined || !fits(skip(ip.payload, offset), 2)) return;
  const at = ip.payload.at + offset;
  const checksum = u16(frame, at);
  // 0 is no checksum in UDP, and never right in UDP-Lite (RFC 3828 3.1): there a wrong one stays wrong.
  const zeroIsSpecial = ip.protocol === UDP || ip.protocol === UDP_LITE;
  if (zeroIsSpecial && checksum === 0) return;
  const updated = updatedChecksum(checksum, before, after);
  put16(frame, at, zeroIsSpecial && updated === 0 ? 0xffff : updated);
}
