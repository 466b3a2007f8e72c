// IPv4 (RFC 791 3.1).
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  ┌───────┬───────┬───────────────┬───────────────────────────────┐
//  │Version│  IHL  │Type of service│          Total length         │
//  ├───────┴───────┴───────────────┼─────┬─────────────────────────┤
//  │         Identification        │flags│     Fragment offset     │
//  ├───────────────┬───────────────┼─────┴─────────────────────────┤
//  │  Time to live │    Protocol   │        Header checksum        │
//  ├───────────────┴───────────────┴───────────────────────────────┤
//  │                         Source address                        │
//  ├───────────────────────────────────────────────────────────────┤
//  │                       Destination address                     │
//  └───────────────────────────────────────────────────────────────┘  options up to IHL

import { get8, get16 } from "./bytes";
import { sum } from "./checksum";

export const VERSION_IHL: usize = 0;
export const TOTAL_LENGTH: usize = VERSION_IHL + 2;
export const IDENTIFICATION: usize = TOTAL_LENGTH + 2;
export const FLAGS_OFFSET: usize = IDENTIFICATION + 2; // reserved:1 df:1 mf:1 offset:13
export const PROTOCOL: usize = FLAGS_OFFSET + 3;
export const CHECKSUM: usize = PROTOCOL + 1;
export const SOURCE: usize = CHECKSUM + 2;
export const DESTINATION: usize = SOURCE + 4;
export const HEADER_LEN: usize = DESTINATION + 4;

export function fits(header: usize, end: usize): bool {
  return header + HEADER_LEN <= end;
}
export function version(header: usize): u32 {
  return get8(header) >> 4;
}
/** Header length in bytes, options included. */
export function headerLength(header: usize): u32 {
  return (get8(header) & 15) << 2;
}
export function totalLength(header: usize): u32 {
  return get16(header + TOTAL_LENGTH);
}
export function identification(header: usize): u32 {
  return get16(header + IDENTIFICATION);
}
export function moreFragments(header: usize): bool {
  return (get8(header + FLAGS_OFFSET) & 0x20) != 0;
}
/** In bytes. */
export function fragmentOffset(header: usize): u32 {
  return (get16(header + FLAGS_OFFSET) & 0x1fff) << 3;
}
export function isFragment(header: usize): bool {
  return (get16(header + FLAGS_OFFSET) & 0x3fff) != 0;
}
export function protocol(header: usize): u32 {
  return get8(header + PROTOCOL);
}
export function checksumIsGood(header: usize): bool {
  return sum(header, headerLength(header)) == 0xffff;
}

/** Writes the address at `from` as ::ffff:a.b.c.d (RFC 4291 2.5.5.2). */
export function mapped(from: usize, to: usize): void {
  store<u64>(to, 0);
  store<u64>(to + 8, ((<u64>load<u32>(from)) << 32) | 0xffff0000);
}
