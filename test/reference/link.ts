// The link layer: from a captured frame to the IP header, and the outermost VLAN on the way.

import { fits, type Region, skip, u8, u16 } from "./region.js";
import type { Verdict } from "./verdict.js";

export interface Link {
  version: 4 | 6;
  /** VID of the outermost tag, absent when untagged. */
  vlan?: number;
  /** At the IP header. */
  region: Region;
}

const LINKTYPE = { ETHERNET: 1, RAW: [101, 12, 14], IPV4: 228, IPV6: 229, SLL: 113, SLL2: 276 };
export const ETHERTYPE = { IPV4: 0x0800, IPV6: 0x86dd, ARP: 0x0806 };
const TAGS = [0x8100, 0x88a8, 0x9100];
const MAX_TAGS = 2;

export function isTag(etherType: number): boolean {
  return TAGS.includes(etherType);
}

export function readLink(frame: Uint8Array, originalLength: number, linkType: number): Link | Verdict {
  // A frame cannot have been shorter than what was captured of it.
  const declared = Math.max(originalLength, frame.length);
  const region: Region = { bytes: frame, at: 0, end: frame.length, declared };
  switch (linkType) {
    case LINKTYPE.ETHERNET:
      return readEthernet(region);
    case LINKTYPE.SLL: // packet type, ARPHRD, address length, 8 bytes of address, then the protocol
      return fits(region, 16) ? behindType(u16(frame, 14), skip(region, 16)) : "truncated";
    case LINKTYPE.SLL2: // the protocol comes first, 20 bytes in all
      return fits(region, 20) ? behindType(u16(frame, 0), skip(region, 20)) : "truncated";
    case LINKTYPE.IPV4:
      return { version: 4, region };
    case LINKTYPE.IPV6:
      return { version: 6, region };
  }
  return LINKTYPE.RAW.includes(linkType) ? readRaw(region) : "not-tunnel";
}

function readRaw(region: Region): Link | Verdict {
  if (!fits(region, 1)) return "truncated";
  const version = u8(region.bytes, region.at) >> 4;
  return version === 4 || version === 6 ? { version, region } : "unsupported-version";
}

/** An Ethernet frame, the captured one or one found inside a tunnel. */
export function readEthernet(region: Region): Link | Verdict {
  if (!fits(region, 14)) return "truncated";
  return behindType(u16(region.bytes, region.at + 12), skip(region, 14));
}

/** `region` is just behind an EtherType. */
function behindType(etherType: number, region: Region): Link | Verdict {
  const tags = readTags(etherType, region);
  if (tags === undefined) return "truncated";
  if (tags.etherType !== ETHERTYPE.IPV4 && tags.etherType !== ETHERTYPE.IPV6) return "not-tunnel";
  const version = tags.etherType === ETHERTYPE.IPV4 ? 4 : 6;
  return { version, region: tags.region, ...(tags.vlan === undefined ? {} : { vlan: tags.vlan }) };
}

/**
 * Walks up to two tags: the EtherType behind them (that of a third tag, if there is one) and the place behind it.
 * Undefined when a tag is cut.
 */
export function readTags(
  firstType: number,
  start: Region,
): { etherType: number; region: Region; vlan?: number } | undefined {
  let etherType = firstType;
  let region = start;
  let vlan: number | undefined;
  for (let tags = 0; tags < MAX_TAGS && isTag(etherType); tags++) {
    if (!fits(region, 4)) return undefined;
    vlan ??= u16(region.bytes, region.at) & 0xfff;
    etherType = u16(region.bytes, region.at + 2);
    region = skip(region, 4);
  }
  return { etherType, region, ...(vlan === undefined ? {} : { vlan }) };
}
