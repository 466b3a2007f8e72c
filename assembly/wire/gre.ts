// GRE version 0 (RFC 2784, RFC 2890; routing after RFC 1701).
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  ┌─┬─┬─┬─┬─┬─────┬─────────┬─────┬───────────────────────────────┐
//  │C│R│K│S│s│Recur│  Flags  │ Ver │         Protocol type         │
//  ├─┴─┴─┴─┴─┴─────┴─────────┴─────┼───────────────────────────────┤
//  │      Checksum (C or R)        │       Offset (C or R)         │
//  ├───────────────────────────────┴───────────────────────────────┤
//  │                           Key (K)                             │
//  ├───────────────────────────────────────────────────────────────┤
//  │                     Sequence number (S)                       │
//  ├───────────────────────────────────────────────────────────────┤
//  │              Source route entries, up to a null one (R)       │
//  └───────────────────────────────────────────────────────────────┘

import { get8, get16, put16, put32 } from "./bytes";

export const FLAGS_VERSION: usize = 0;
export const PROTOCOL: usize = FLAGS_VERSION + 2;
export const HEADER_LEN: usize = PROTOCOL + 2;

export const C: u32 = 0x8000;
export const R: u32 = 0x4000;
export const K: u32 = 0x2000;
export const S: u32 = 0x1000;

/** The fixed part; the optional fields reach to `fieldsEnd`. */
export function fits(header: usize, end: usize): bool {
  return header + HEADER_LEN <= end;
}
export function flags(header: usize): u32 {
  return get16(header + FLAGS_VERSION);
}
export function version(flags: u32): u32 {
  return flags & 7;
}
export function protocol(header: usize): u32 {
  return get16(header + PROTOCOL);
}

/** Where the key stands, when K. */
export function key(header: usize, flags: u32): usize {
  return header + HEADER_LEN + ((flags & (C | R)) != 0 ? 4 : 0);
}
/** Where the sequence number stands, when S. */
export function sequence(header: usize, flags: u32): usize {
  return key(header, flags) + ((flags & K) != 0 ? 4 : 0);
}
/** Where the optional fields end: the payload, or the source route entries when R. */
export function fieldsEnd(header: usize, flags: u32): usize {
  return sequence(header, flags) + ((flags & S) != 0 ? 4 : 0);
}

const ROUTE_HEADER_LEN: usize = 4; // address family, offset, length

/** Walks source route entries (RFC 1701 4). Gives the payload's address, or 0 when they run past `end`. */
export function skipRoutes(route: usize, end: usize): usize {
  while (route + ROUTE_HEADER_LEN <= end) {
    const family = get16(route);
    const length = get8(route + 3);
    route += ROUTE_HEADER_LEN + length;
    if (family == 0 && length == 0) return route;
  }
  return 0;
}

// ── emitting ──

/** `flags` of K and S; the fields they announce follow. */
export function put(header: usize, flags: u32, protocol: u32): void {
  put16(header + FLAGS_VERSION, flags);
  put16(header + PROTOCOL, protocol);
}
/** The field at `key` or `sequence`. */
export function putField(field: usize, value: u32): void {
  put32(field, value);
}
