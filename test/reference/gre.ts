// GRE (RFC 2784, 2890, 1701), over IP or UDP (RFC 8086), and which payload follows.
//
//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// |C|R|K|S|s|Recur|  Flags  | Ver |         Protocol Type         |
// |      Checksum (C or R)        |       Offset (C or R)         |
// |                            Key (K)                            |
// |                      Sequence Number (S)                      |
// |                         Routing (R) ...                       |

import { readErspan } from "./erspan.js";
import { ETHERTYPE } from "./link.js";
import { fits, onesComplementSum, type Region, skip, u8, u16, u32, whole } from "./region.js";
import type { Notes, Tunnel, TunnelOptions } from "./tunnel.js";
import type { Verdict } from "./verdict.js";

const ERSPAN = 0x88be;
const ERSPAN3 = 0x22eb;
const TRANSPARENT_ETHERNET = 0x6558;

export function readGre(region: Region, options: TunnelOptions, notes: Notes): Tunnel | Verdict {
  const { bytes, at } = region;
  if (!fits(region, 4)) return "truncated";
  const flags = u16(bytes, at);
  if ((flags & 7) !== 0) return "unsupported-version";
  const hasChecksum = (flags & 0x8000) !== 0;
  const hasRouting = (flags & 0x4000) !== 0;
  const hasKey = (flags & 0x2000) !== 0;
  const hasSequence = (flags & 0x1000) !== 0;

  let field = skip(region, 4);
  let key: number | undefined;
  let sequence: number | undefined;
  if (hasChecksum || hasRouting) {
    if (!fits(field, 4)) return "truncated";
    field = skip(field, 4);
  }
  if (hasKey) {
    if (!fits(field, 4)) return "truncated";
    key = u32(bytes, field.at);
    field = skip(field, 4);
  }
  if (hasSequence) {
    if (!fits(field, 4)) return "truncated";
    sequence = u32(bytes, field.at);
    field = skip(field, 4);
  }
  if (hasRouting) {
    const behind = skipRouting(field);
    if (behind === undefined) return "truncated";
    field = behind;
  }
  if (hasChecksum && options.checksums === "verify") {
    if (!whole(region)) notes.unverifiable++;
    else if (onesComplementSum(bytes, at, region.end) !== 0xffff) return "bad-checksum";
  }

  const protocol = u16(bytes, at + 2);
  const counted = sequence === undefined ? {} : { sequence };
  if (protocol === ERSPAN && !hasSequence) {
    return { encapsulation: "erspan", erspan: { type: 1 }, carried: { kind: "ethernet", region: field } };
  }
  if (protocol === ERSPAN || protocol === ERSPAN3) {
    const read = readErspan(field, protocol === ERSPAN ? 2 : 3);
    if (typeof read === "string") return read;
    const { session, erspan, carried } = read;
    return { encapsulation: "erspan", idKind: "session", id: session, ...counted, erspan, carried };
  }
  const kind = plainPayload(protocol, options.greEthernet);
  if (kind === undefined) return "unsupported-payload";
  const nvgre = kind === "ethernet" && hasKey && !hasChecksum && !hasSequence;
  return {
    encapsulation: "gre",
    ...(key === undefined ? {} : { idKind: "key", id: key }),
    ...counted,
    ...(nvgre ? { nvgre } : {}),
    carried: { kind, region: field },
  };
}

function plainPayload(protocol: number, greEthernet: number[]): "ethernet" | 4 | 6 | undefined {
  if (protocol === TRANSPARENT_ETHERNET) return "ethernet";
  if (protocol === ETHERTYPE.IPV4) return 4;
  if (protocol === ETHERTYPE.IPV6) return 6;
  return greEthernet.includes(protocol) ? "ethernet" : undefined;
}

/** RFC 1701: source route entries up to the null one. Family (2), offset (1), length (1), then length bytes. */
function skipRouting(start: Region): Region | undefined {
  let entry = start;
  for (;;) {
    if (!fits(entry, 4)) return undefined;
    const family = u16(entry.bytes, entry.at);
    const length = u8(entry.bytes, entry.at + 3);
    if (!fits(entry, 4 + length)) return undefined;
    entry = skip(entry, 4 + length);
    if (family === 0 && length === 0) return entry;
  }
}
