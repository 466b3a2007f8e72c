// TZSP, TaZmen Sniffer Protocol (MikroTik and others): version, type, encapsulated protocol, tagged fields.
//
//  0       1       2               4
//  ┌───────┬───────┬───────────────┬─────────────────────────────┐
//  │Ver = 1│ Type  │   Protocol    │ tags: type, length, data …  │
//  └───────┴───────┴───────────────┴─────────────────────────────┘

import { get8, get16 } from "./bytes";

export const VERSION: usize = 0;
export const TYPE: usize = VERSION + 1;
export const PROTOCOL: usize = TYPE + 1;
export const HEADER_LEN: usize = PROTOCOL + 2;

export const VERSION_1: u32 = 1;
export const TYPE_RECEIVED: u32 = 0;
export const TYPE_TRANSMIT: u32 = 1;
export const PROTOCOL_ETHERNET: u32 = 1;

const TAG_PADDING: u32 = 0;
const TAG_END: u32 = 1;

export function fits(header: usize, end: usize): bool {
  return header + HEADER_LEN <= end;
}
export function version(header: usize): u32 {
  return get8(header + VERSION);
}
export function carriesPacket(header: usize): bool {
  const type = get8(header + TYPE);
  return type == TYPE_RECEIVED || type == TYPE_TRANSMIT;
}
export function protocol(header: usize): u32 {
  return get16(header + PROTOCOL);
}

/** Walks the tags. Gives the address after the end tag, or 0 when there is none before `end`. */
export function skipTags(tag: usize, end: usize): usize {
  while (tag < end) {
    const type = get8(tag);
    if (type == TAG_END) return tag + 1;
    if (type == TAG_PADDING) {
      tag++;
      continue;
    }
    if (tag + 2 > end) return 0;
    tag += 2 + get8(tag + 1);
  }
  return 0;
}
