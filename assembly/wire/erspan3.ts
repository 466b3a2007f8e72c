// ERSPAN type III (draft-foschiano-erspan-03 4.3), after a GRE header with protocol 0x22EB.
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  ┌───────┬───────────────────────┬─────┬───┬─┬───────────────────┐
//  │Ver = 2│         VLAN          │ COS │BSO│T│    Session ID     │
//  ├───────┴───────────────────────┴─────┴───┴─┴───────────────────┤
//  │                          Timestamp                            │
//  ├───────────────────────────────┬─┬─────────┬───────────┬─┬───┬─┤
//  │     Security group tag        │P│   FT    │   Hw ID   │D│Gra│O│
//  ├───────────┬───────────────────┴─┴─────────┴───────────┴─┴───┴─┤
//  │ Platf ID  │       Platform specific, 58 bits (O)              │
//  │           │                                                   │
//  └───────────┴───────────────────────────────────────────────────┘

import { get8, get16, get32, put16, put32 } from "./bytes";
import { COMMON_LEN } from "./erspan";

export const TIMESTAMP: usize = COMMON_LEN;
export const SGT: usize = TIMESTAMP + 4;
export const FLAGS: usize = SGT + 2; // p:1 ft:5 hw:6 d:1 gra:2 o:1
export const HEADER_LEN: usize = FLAGS + 2;

export const PLATFORM_ID: usize = 0;
export const PLATFORM_LOW: usize = 4; // the second word: upper timestamp or seconds, by id
export const PLATFORM_LEN: usize = 8;

export const VERSION: u32 = 2;
export const FT_ETHERNET: u32 = 0;
export const FT_IP: u32 = 2;

export function fits(header: usize, end: usize): bool {
  return header + HEADER_LEN <= end;
}
export function timestamp(header: usize): u32 {
  return get32(header + TIMESTAMP);
}
export function frameType(header: usize): u32 {
  return (get16(header + FLAGS) >> 10) & 0x1f;
}
export function hardwareId(header: usize): u32 {
  return (get16(header + FLAGS) >> 4) & 0x3f;
}
/** 0: the frame entered the switch; 1: it left. */
export function direction(header: usize): u32 {
  return (get16(header + FLAGS) >> 3) & 1;
}
/** 0: 100 us, 1: 100 ns, 2: IEEE 1588 nanoseconds, 3: the platform's own. */
export function granularity(header: usize): u32 {
  return (get16(header + FLAGS) >> 1) & 3;
}
export function hasPlatform(header: usize): bool {
  return (get16(header + FLAGS) & 1) != 0;
}

/** Of the sub-header, `HEADER_LEN` behind the header; fixed in length whatever its id. */
export function platformFits(subHeader: usize, end: usize): bool {
  return subHeader + PLATFORM_LEN <= end;
}
export function platformId(subHeader: usize): u32 {
  return get8(subHeader + PLATFORM_ID) >> 2;
}
export function platformLow(subHeader: usize): u32 {
  return get32(subHeader + PLATFORM_LOW);
}

// ── emitting; the common word by erspan.put ──

/** Granularity 2: IEEE 1588 nanoseconds. */
export const GRANULARITY_NANOSECONDS: u32 = 2;

/** P 1, FT 0, no security group tag, no sub-header. */
export function put(header: usize, timestamp: u32, hardwareId: u32, direction: u32, granularity: u32): void {
  put32(header + TIMESTAMP, timestamp);
  put16(header + SGT, 0);
  put16(header + FLAGS, 0x8000 | (hardwareId << 4) | (direction << 3) | (granularity << 1));
}
