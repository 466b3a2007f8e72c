// The first word of an ERSPAN header, which types II and III have in common (draft-foschiano-erspan-03 4.2, 4.3).
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  ┌───────┬───────────────────────┬─────┬───┬─┬───────────────────┐
//  │  Ver  │         VLAN          │ COS │   │T│    Session ID     │
//  └───────┴───────────────────────┴─────┴───┴─┴───────────────────┘

import { get16, put16 } from "./bytes";

export const VERSION_VLAN: usize = 0;
export const SESSION: usize = VERSION_VLAN + 2; // cos:3, by type:2, t:1, session:10
export const COMMON_LEN: usize = SESSION + 2;

export function version(header: usize): u32 {
  return get16(header + VERSION_VLAN) >> 12;
}
export function vlan(header: usize): u32 {
  return get16(header + VERSION_VLAN) & 0xfff;
}
export function cos(header: usize): u32 {
  return get16(header + SESSION) >> 13;
}
/** T: the mirror cut the frame short. */
export function truncated(header: usize): bool {
  return (get16(header + SESSION) & 0x400) != 0;
}
export function session(header: usize): u32 {
  return get16(header + SESSION) & 0x3ff;
}

// ── emitting ──

/** `tag` is cos:3 dei:1 vlan:12; `byType` the two bits after COS. */
export function put(header: usize, version: u32, tag: u32, byType: u32, truncated: bool, session: u32): void {
  put16(header + VERSION_VLAN, (version << 12) | (tag & 0xfff));
  put16(header + SESSION, (tag & 0xe000) | (byType << 11) | (truncated ? 0x400 : 0) | session);
}
