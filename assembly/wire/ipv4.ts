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

import { get8, get16, put16 } from "./bytes";
import { add, complement, sum } from "./checksum";

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
/** Where the packet ends by its own account, and at `end` at the latest. */
export function packetEnd(header: usize, end: usize): usize {
  const length = totalLength(header);
  return length == 0 ? end : min<usize>(end, header + length);
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

// ── options (RFC 791 3.1): type, length, and of a source route the pointer to the next address ──

const OPTION_END: u32 = 0;
const OPTION_NOP: u32 = 1;
const OPTION_LOOSE_ROUTE: u32 = 131;
const OPTION_STRICT_ROUTE: u32 = 137;

/** A source route with addresses left: the pseudo header has the last of them as its destination. */
export function isRerouted(header: usize, end: usize): bool {
  const last = header + headerLength(header);
  if (last > end) return false;
  let option = header + HEADER_LEN;
  while (option + 3 <= last) {
    const type = get8(option);
    if (type == OPTION_END) return false;
    if (type == OPTION_NOP) {
      option++;
      continue;
    }
    const length = get8(option + 1);
    if (length < 2 || option + length > last) return false;
    const isRoute = type == OPTION_LOOSE_ROUTE || type == OPTION_STRICT_ROUTE;
    if (isRoute && length >= 3 && get8(option + 2) <= length) return true;
    option += length;
  }
  return false;
}

// ── emitting ──

const DONT_FRAGMENT: u32 = 0x4000;
const MORE_FRAGMENTS: u32 = 0x2000;

/** A header without options; total length, identification and checksum are 0. Addresses are 16 bytes, ::ffff:a.b.c.d. */
export function put(
  header: usize,
  protocol: u32,
  timeToLive: u32,
  dontFragment: bool,
  source: usize,
  destination: usize,
): void {
  store<u64>(header, 0x45);
  put16(header + FLAGS_OFFSET, dontFragment ? DONT_FRAGMENT : 0);
  store<u8>(header, <u8>timeToLive, PROTOCOL - 1);
  store<u8>(header, <u8>protocol, PROTOCOL);
  store<u16>(header, 0, CHECKSUM);
  store<u32>(header, load<u32>(source, 12), SOURCE);
  store<u32>(header, load<u32>(destination, 12), DESTINATION);
}
/** Completes a header from `put`, of which `rest` is the sum. */
export function putLength(header: usize, length: u32, identification: u32, rest: u32): void {
  put16(header + TOTAL_LENGTH, length);
  put16(header + IDENTIFICATION, identification);
  store<u16>(header, <u16>complement(add(rest, load<u32>(header, TOTAL_LENGTH))), CHECKSUM);
}
/** Makes it the header of a fragment; `offset` in bytes, a multiple of 8. */
export function putFragment(header: usize, length: u32, offset: u32, more: bool): void {
  put16(header + TOTAL_LENGTH, length);
  put16(header + FLAGS_OFFSET, (offset >> 3) | (more ? MORE_FRAGMENTS : 0));
  store<u16>(header, 0, CHECKSUM);
  store<u16>(header, <u16>complement(sum(header, HEADER_LEN)), CHECKSUM);
}
