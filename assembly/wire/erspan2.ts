// ERSPAN type II (draft-foschiano-erspan-03 4.2), after a GRE header with protocol 0x88BE and S set.
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  ┌───────┬───────────────────────┬─────┬───┬─┬───────────────────┐
//  │Ver = 1│         VLAN          │ COS │En │T│    Session ID     │
//  ├───────┴───────────────┬───────┴─────┴───┴─┴───────────────────┤
//  │       Reserved        │                  Index                │
//  └───────────────────────┴───────────────────────────────────────┘

import { get16, put32 } from "./bytes";
import { COMMON_LEN, SESSION } from "./erspan";

export const INDEX: usize = COMMON_LEN; // reserved:12 index:20
export const HEADER_LEN: usize = INDEX + 4;

export const VERSION: u32 = 1;
export const EN_ISL: u32 = 1;
export const EN_UNTAGGED: u32 = 0;
export const EN_DOT1Q: u32 = 2;
export const EN_PRESERVED: u32 = 3;

/** The one bounds check: after it, every accessor below, and of erspan.ts, is safe. */
export function fits(header: usize, end: usize): bool {
  return header + HEADER_LEN <= end;
}
/** What the mirrored frame was when it arrived: 0 untagged, 1 ISL, 2 802.1Q, 3 the tag is still in the frame. */
export function en(header: usize): u32 {
  return (get16(header + SESSION) >> 11) & 3;
}

// ── emitting; the common word by erspan.put ──

export function putIndex(header: usize, index: u32): void {
  put32(header + INDEX, index);
}
