// The decoded frame: what is delivered of a tunnel's payload, with what original length.

import { ETHERTYPE, isTag, readTags } from "./link.js";
import { join } from "./octets.js";
import { captured, copy, put16, type Region, skip, u8, u16 } from "./region.js";
import type { Carried, Erspan } from "./tunnel.js";

export interface InnerFrame {
  bytes: Uint8Array;
  originalLength: number;
  /** An Ethernet header was put before an IP packet. */
  synthetic: boolean;
  /** An 802.1Q tag was put back. */
  restored: boolean;
}

export const SYNTHETIC_HEADER = 14;
const SYNTHETIC_MACS = [0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01]; // destination, source
const MACS = 12;
const TAG = 4;

export function innerFrame(
  carried: Carried,
  erspan: Erspan | undefined,
  restoreVlan: "auto" | "always" | "never",
): InnerFrame {
  const { region } = carried;
  let bytes = copy(captured(region));
  let originalLength = region.declared - region.at;
  if (erspan?.truncated) originalLength = Math.max(originalLength, declaredByIp(carried));

  const synthetic = carried.kind !== "ethernet";
  if (carried.kind !== "ethernet") {
    bytes = join(SYNTHETIC_MACS, etherTypeOf(carried.kind), bytes);
    originalLength += SYNTHETIC_HEADER;
  }
  const restored = restoresTag(carried, erspan, restoreVlan);
  if (restored) {
    const tag = [...etherTypeBytes(0x8100), ...etherTypeBytes((erspan!.cos! << 13) | erspan!.vlan!)];
    bytes = join(bytes.subarray(0, MACS), tag, bytes.subarray(MACS));
    originalLength += TAG;
  }
  return { bytes, originalLength: Math.max(originalLength, bytes.length), synthetic, restored };
}

function etherTypeOf(version: 4 | 6): Uint8Array {
  return etherTypeBytes(version === 4 ? ETHERTYPE.IPV4 : ETHERTYPE.IPV6);
}

function etherTypeBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(2);
  put16(bytes, 0, value);
  return bytes;
}

/** Only a frame that came as Ethernet has an EtherType to tell that it is untagged. */
function restoresTag(
  carried: Carried,
  erspan: Erspan | undefined,
  mode: "auto" | "always" | "never",
): boolean {
  if (carried.kind !== "ethernet" || mode === "never") return false;
  if (erspan === undefined || erspan.type === 1 || erspan.vlan === 0) return false;
  const frame = captured(carried.region);
  if (frame.length < MACS + 2 || isTag(u16(frame, MACS))) return false;
  // En 1: ISL, 2: 802.1Q. Type III has no En.
  return mode === "always" || erspan.en === 1 || erspan.en === 2;
}

/** How long the inner IP header says the frame was; 0 when there is none to be read. */
function declaredByIp(carried: Carried): number {
  let region: Region = carried.region;
  let version = carried.kind;
  if (version === "ethernet") {
    if (region.at + 14 > region.end) return 0;
    const tags = readTags(u16(region.bytes, region.at + MACS), skip(region, 14));
    if (tags?.etherType === ETHERTYPE.IPV4) version = 4;
    else if (tags?.etherType === ETHERTYPE.IPV6) version = 6;
    else return 0;
    region = tags.region;
  }
  const { bytes, at, end } = region;
  if (at + (version === 4 ? 20 : 40) > end || u8(bytes, at) >> 4 !== version) return 0;
  const length = u16(bytes, version === 4 ? at + 2 : at + 4);
  if (length === 0) return 0;
  return at - carried.region.at + length + (version === 4 ? 0 : 40);
}
