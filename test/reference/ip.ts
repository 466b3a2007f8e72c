// IPv4 (RFC 791) and IPv6 (RFC 8200) headers that may carry a tunnel, outermost or not.

import { declare, fits, onesComplementSum, type Region, skip, u8, u16, u32 } from "./region.js";
import type { Verdict } from "./verdict.js";

export const PROTOCOL = { UDP: 17, GRE: 47 };
const NEXT = { HOP_BY_HOP: 0, ROUTING: 43, FRAGMENT: 44, DESTINATION: 60 };
const JUMBO_OPTION = 0xc2; // RFC 2675

export interface IpPacket {
  version: 4 | 6;
  source: Uint8Array;
  destination: Uint8Array;
  /** 47 or 17; of an IPv6 fragment possibly an extension header, which stands in what is reassembled. */
  protocol: number;
  /** What follows the headers. */
  payload: Region;
  /** Absent for a whole packet, an atomic fragment included. */
  fragment?: { identification: number; offset: number; more: boolean };
}

/** The header at `region`, or why there is none that could carry a tunnel. */
export function readIp(region: Region, version: 4 | 6, verifyChecksum: boolean): IpPacket | Verdict {
  return version === 4 ? readIpv4(region, verifyChecksum) : readIpv6(region);
}

function readIpv4(region: Region, verifyChecksum: boolean): IpPacket | Verdict {
  const { bytes, at } = region;
  if (!fits(region, 20)) return "truncated";
  if (u8(bytes, at) >> 4 !== 4) return "unsupported-version";
  const headerLength = (u8(bytes, at) & 0xf) * 4;
  if (headerLength < 20 || !fits(region, headerLength)) return "truncated";
  if (verifyChecksum && onesComplementSum(bytes, at, at + headerLength) !== 0xffff) return "bad-checksum";
  const totalLength = u16(bytes, at + 2);
  if (totalLength !== 0 && totalLength < headerLength) return "truncated";
  const protocol = u8(bytes, at + 9);
  if (!carriesTunnel(protocol)) return "not-tunnel";

  // Total length 0 is BIG TCP: the packet runs to the end of what encloses it. Otherwise it is believed.
  const packet = totalLength === 0 ? region : declare(region, at + totalLength);
  const offset = (u16(bytes, at + 6) & 0x1fff) * 8;
  const more = (u16(bytes, at + 6) & 0x2000) !== 0;
  return {
    version: 4,
    source: bytes.subarray(at + 12, at + 16),
    destination: bytes.subarray(at + 16, at + 20),
    protocol,
    payload: skip(packet, headerLength),
    ...(more || offset !== 0 ? { fragment: { identification: u16(bytes, at + 4), offset, more } } : {}),
  };
}

export function carriesTunnel(protocol: number): boolean {
  return protocol === PROTOCOL.GRE || protocol === PROTOCOL.UDP;
}

function isWalked(next: number): boolean {
  return next === NEXT.HOP_BY_HOP || next === NEXT.ROUTING || next === NEXT.DESTINATION;
}

function readIpv6(region: Region): IpPacket | Verdict {
  const { bytes, at } = region;
  if (!fits(region, 40)) return "truncated";
  if (u8(bytes, at) >> 4 !== 6) return "unsupported-version";
  const payloadLength = u16(bytes, at + 4);
  const next = u8(bytes, at + 6);
  const addresses = {
    source: bytes.subarray(at + 8, at + 24),
    destination: bytes.subarray(at + 24, at + 40),
  };

  let payload = skip(region, 40);
  if (payloadLength !== 0) payload = declare(payload, at + 40 + payloadLength);
  else if (next === NEXT.HOP_BY_HOP) {
    const jumbo = jumboLength(payload);
    if (jumbo !== undefined) payload = declare(payload, at + 40 + jumbo);
  }

  const chain = walkExtensions(next, payload, true);
  if (typeof chain === "string") return chain;
  return { version: 6, ...addresses, ...chain };
}

/** What a jumbo option in the hop-by-hop header at `region` declares (RFC 2675: counted from behind the IPv6 header). */
function jumboLength(region: Region): number | undefined {
  const { bytes } = region;
  if (!fits(region, 8)) return undefined;
  const length = 8 * (u8(bytes, region.at + 1) + 1);
  if (!fits(region, length)) return undefined;
  const end = region.at + length;
  let option = region.at + 2;
  while (option + 2 <= end) {
    if (u8(bytes, option) === 0) {
      option += 1; // Pad1 has no length
      continue;
    }
    const dataLength = u8(bytes, option + 1);
    if (option + 2 + dataLength > end) return undefined;
    if (u8(bytes, option) === JUMBO_OPTION && dataLength === 4) return u32(bytes, option + 2);
    option += 2 + dataLength;
  }
  return undefined;
}

/**
 * From a first next header to the protocol carried. With a fragment the walk ends at its data: extension headers
 * behind a fragment header are part of what is reassembled.
 */
export function walkExtensions(
  first: number,
  start: Region,
  fragmentAllowed: boolean,
): Pick<IpPacket, "protocol" | "payload" | "fragment"> | Verdict {
  let next = first;
  let region = start;
  let fragmentSeen = !fragmentAllowed;
  while (!carriesTunnel(next)) {
    if (isWalked(next)) {
      if (!fits(region, 8)) return "truncated";
      const length = 8 * (u8(region.bytes, region.at + 1) + 1);
      if (!fits(region, length)) return "truncated";
      next = u8(region.bytes, region.at);
      region = skip(region, length);
    } else if (next === NEXT.FRAGMENT && !fragmentSeen) {
      if (!fits(region, 8)) return "truncated";
      fragmentSeen = true;
      const word = u16(region.bytes, region.at + 2);
      const fragment = {
        identification: u32(region.bytes, region.at + 4),
        offset: word & 0xfff8,
        more: (word & 1) !== 0,
      };
      next = u8(region.bytes, region.at);
      region = skip(region, 8);
      if (fragment.offset === 0 && !fragment.more) continue; // atomic (RFC 6946): a whole packet
      if (!carriesTunnel(next) && !isWalked(next)) return "not-tunnel";
      return { protocol: next, payload: region, fragment };
    } else {
      return "not-tunnel";
    }
  }
  return { protocol: next, payload: region };
}
