// The IP packet inside a decoded frame, as far as flow hash and rewriting need it. What is not captured is not there,
// and what lies behind the packet's end is not of it.

import { ETHERTYPE, readTags } from "./link.js";
import { declare, fits, type Region, skip, u8, u16 } from "./region.js";

export interface InnerIp {
  version: 4 | 6;
  /** Where the header starts in the frame. */
  at: number;
  source: Uint8Array;
  destination: Uint8Array;
  /** `later`: not the first of the datagram; what follows is data. */
  fragment: "none" | "first" | "later";
  /** What the headers lead to; the number of an extension header that is not whole. */
  protocol: number;
  payload: Region;
  /** A source route is not used up: the pseudo header has the last stop, the IP header the next (RFC 791, RFC 8200 8.1). */
  underway: boolean;
}

/** Where the header walk of IPv6 ends. */
type Fragmented = "stop-at-fragment" | "into-first-fragment";

/** The frame's EtherType behind up to two tags; undefined when it was not captured. */
export function innerType(frame: Uint8Array): { etherType: number; region: Region } | undefined {
  const region: Region = { bytes: frame, at: 0, end: frame.length, declared: frame.length };
  return fits(region, 14) ? readTags(u16(frame, 12), skip(region, 14)) : undefined;
}

export function readInnerIp(frame: Uint8Array, fragmented: Fragmented): InnerIp | undefined {
  const type = innerType(frame);
  if (type?.etherType === ETHERTYPE.IPV4) return readIpv4(type.region);
  if (type?.etherType === ETHERTYPE.IPV6) return readIpv6(type.region, fragmented);
  return undefined;
}

function readIpv4(region: Region): InnerIp | undefined {
  const { bytes, at } = region;
  if (!fits(region, 20) || u8(bytes, at) >> 4 !== 4) return undefined;
  const headerLength = (u8(bytes, at) & 0xf) * 4;
  if (headerLength < 20) return undefined;
  const totalLength = u16(bytes, at + 2);
  const packet = totalLength === 0 ? region : declare(region, at + totalLength); // 0: BIG TCP
  const flags = u16(bytes, at + 6);
  const offset = flags & 0x1fff;
  const more = (flags & 0x2000) !== 0;
  return {
    version: 4,
    at,
    source: bytes.subarray(at + 12, at + 16),
    destination: bytes.subarray(at + 16, at + 20),
    fragment: offset !== 0 ? "later" : more ? "first" : "none",
    protocol: u8(bytes, at + 9),
    payload: skip(packet, headerLength),
    underway: isSourceRouted(bytes.subarray(at + 20, Math.min(region.end, at + headerLength))),
  };
}

const OPTION = { END: 0, NOP: 1, LOOSE_ROUTE: 131, STRICT_ROUTE: 137 };

/** RFC 791 3.1: type, length, pointer; the route is used up when the pointer is greater than the length. */
function isSourceRouted(options: Uint8Array): boolean {
  let at = 0;
  while (at < options.length) {
    const type = u8(options, at);
    if (type === OPTION.END) return false;
    if (type === OPTION.NOP) {
      at += 1;
      continue;
    }
    if (at + 2 > options.length) return false;
    const length = u8(options, at + 1);
    if (length < 2 || at + length > options.length) return false; // malformed: nobody follows such a route
    const isRoute = type === OPTION.LOOSE_ROUTE || type === OPTION.STRICT_ROUTE;
    if (isRoute && length >= 3 && u8(options, at + 2) <= length) return true;
    at += length;
  }
  return false;
}

const NEXT = { HOP_BY_HOP: 0, ROUTING: 43, FRAGMENT: 44, AUTHENTICATION: 51, DESTINATION: 60 };

function readIpv6(region: Region, fragmented: Fragmented): InnerIp | undefined {
  const { bytes, at } = region;
  if (!fits(region, 40) || u8(bytes, at) >> 4 !== 6) return undefined;
  const payloadLength = u16(bytes, at + 4);
  const packet = payloadLength === 0 ? region : declare(region, at + 40 + payloadLength); // 0: jumbogram
  return {
    version: 6,
    at,
    source: bytes.subarray(at + 8, at + 24),
    destination: bytes.subarray(at + 24, at + 40),
    ...walk(u8(bytes, at + 6), skip(packet, 40), fragmented),
  };
}

function walk(
  first: number,
  start: Region,
  fragmented: Fragmented,
): Pick<InnerIp, "fragment" | "protocol" | "payload" | "underway"> {
  let protocol = first;
  let payload = start;
  let fragment: InnerIp["fragment"] = "none";
  let underway = false;
  for (;;) {
    const length = extensionLength(protocol, payload);
    if (length === undefined || !fits(payload, length)) return { fragment, protocol, payload, underway };
    const { bytes, at } = payload;
    if (protocol === NEXT.ROUTING && u8(bytes, at + 3) !== 0) underway = true; // segments left
    if (protocol === NEXT.FRAGMENT) {
      const word = u16(bytes, at + 2);
      // Offset and M both 0: an atomic fragment (RFC 6946), a whole packet.
      if ((word & 0xfff8) !== 0) fragment = "later";
      else if ((word & 1) !== 0 && fragment === "none") fragment = "first";
    }
    protocol = u8(bytes, at);
    payload = skip(payload, length);
    const ends = fragment === "later" || (fragment === "first" && fragmented === "stop-at-fragment");
    if (ends) return { fragment, protocol, payload, underway };
  }
}

/** Length of the extension header with this number; undefined when it is none, or its length was not captured. */
function extensionLength(number: number, region: Region): number | undefined {
  switch (number) {
    case NEXT.FRAGMENT:
      return 8;
    case NEXT.HOP_BY_HOP:
    case NEXT.ROUTING:
    case NEXT.DESTINATION:
      return fits(region, 8) ? 8 * (u8(region.bytes, region.at + 1) + 1) : undefined;
    case NEXT.AUTHENTICATION: // RFC 4302 2.2: in 32-bit words, less 2
      return fits(region, 8) ? 4 * (u8(region.bytes, region.at + 1) + 2) : undefined;
    default:
      return undefined;
  }
}
