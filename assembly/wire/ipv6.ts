// IPv6 (RFC 8200): fixed header, and the extension headers on the way to a tunnel.
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  ┌───────┬───────────────┬───────────────────────────────────────┐
//  │Version│ Traffic class │              Flow label               │
//  ├───────┴───────────────┴───────┬───────────────┬───────────────┤
//  │         Payload length        │  Next header  │   Hop limit   │
//  ├───────────────────────────────┴───────────────┴───────────────┤
//  │                     Source address, 128 bits                  │
//  │                  Destination address, 128 bits                │
//  └───────────────────────────────────────────────────────────────┘

import { get8, get16, get32, put16, put32 } from "./bytes";

export const VERSION: usize = 0;
export const PAYLOAD_LENGTH: usize = VERSION + 4;
export const NEXT_HEADER: usize = PAYLOAD_LENGTH + 2;
export const SOURCE: usize = NEXT_HEADER + 2;
export const DESTINATION: usize = SOURCE + 16;
export const HEADER_LEN: usize = DESTINATION + 16;

export function fits(header: usize, end: usize): bool {
  return header + HEADER_LEN <= end;
}
export function version(header: usize): u32 {
  return get8(header) >> 4;
}
export function payloadLength(header: usize): u32 {
  return get16(header + PAYLOAD_LENGTH);
}
/** Where the packet ends by its own account, and at `end` at the latest. */
export function packetEnd(header: usize, end: usize): usize {
  const length = payloadLength(header);
  return length == 0 ? end : min<usize>(end, header + HEADER_LEN + length);
}
export function nextHeader(header: usize): u32 {
  return get8(header + NEXT_HEADER);
}

// ── emitting ──

/** Everything but payload length and flow label, which are 0. Addresses are 16 bytes each. */
export function put(header: usize, next: u32, hopLimit: u32, source: usize, destination: usize): void {
  store<u32>(header, 0x60); // version 6, little-endian
  store<u32>(header, 0, PAYLOAD_LENGTH);
  store<u8>(header, <u8>next, NEXT_HEADER);
  store<u8>(header, <u8>hopLimit, NEXT_HEADER + 1);
  v128.store(header, v128.load(source), SOURCE);
  v128.store(header, v128.load(destination), DESTINATION);
}
export function putPayloadLength(header: usize, length: u32): void {
  put16(header + PAYLOAD_LENGTH, length);
}
export function putNextHeader(header: usize, next: u32): void {
  store<u8>(header, <u8>next, NEXT_HEADER);
}
/** The word of version 6 and traffic class 0 with a flow label of 20 bits. */
export function putFlowLabel(header: usize, label: u32): void {
  put32(header, 0x60000000 | label);
}
/** `offset` in bytes, a multiple of 8. */
export function putFragment(header: usize, next: u32, offset: u32, more: bool, id: u32): void {
  store<u16>(header, <u16>next);
  put16(header + FRAGMENT_OFFSET_M, offset | (more ? 1 : 0));
  put32(header + FRAGMENT_IDENTIFICATION, id);
}

// ── extension headers: next header, length in 8-byte units beyond the first (RFC 8200 4.3 to 4.6) ──

export const EXTENSION_NEXT: usize = 0;
export const EXTENSION_UNITS: usize = 1;
export const EXTENSION_MIN: usize = 8;

export function extensionFits(header: usize, end: usize): bool {
  return header + EXTENSION_MIN <= end && header + extensionLength(header) <= end;
}
export function extensionNext(header: usize): u32 {
  return get8(header + EXTENSION_NEXT);
}
export function extensionLength(header: usize): u32 {
  return (get8(header + EXTENSION_UNITS) + 1) << 3;
}

/** Of a routing header (RFC 8200 4.4). */
export function segmentsLeft(header: usize): u32 {
  return get8(header + 3);
}
/** Of an authentication header, whose units are 4 bytes and begin after the second (RFC 4302 2.2). */
export function authenticationLength(header: usize): u32 {
  return (get8(header + EXTENSION_UNITS) + 2) << 2;
}

const OPTION_PAD1: u32 = 0;
const OPTION_JUMBO: u32 = 0xc2;

/** Jumbo payload length of a hop-by-hop header that fits (RFC 2675 2), 0 when it has none. */
export function jumboLength(header: usize): u32 {
  const end = header + extensionLength(header);
  let option = header + 2;
  while (option + 2 <= end) {
    const type = get8(option);
    if (type == OPTION_PAD1) {
      option++;
      continue;
    }
    const length = get8(option + 1);
    if (type == OPTION_JUMBO && length == 4 && option + 6 <= end) return get32(option + 2);
    option += 2 + length;
  }
  return 0;
}

// ── fragment header (RFC 8200 4.5): next header, reserved, offset:13 reserved:2 m:1, identification ──

export const FRAGMENT_OFFSET_M: usize = 2;
export const FRAGMENT_IDENTIFICATION: usize = 4;
export const FRAGMENT_LEN: usize = 8;

export function fragmentFits(header: usize, end: usize): bool {
  return header + FRAGMENT_LEN <= end;
}
/** In bytes. */
export function fragmentOffset(header: usize): u32 {
  return get16(header + FRAGMENT_OFFSET_M) & 0xfff8;
}
export function moreFragments(header: usize): bool {
  return (get16(header + FRAGMENT_OFFSET_M) & 1) != 0;
}
/** Neither offset nor M: a whole packet that only has the header (RFC 6946). */
export function isAtomic(header: usize): bool {
  return (get16(header + FRAGMENT_OFFSET_M) & 0xfff9) == 0;
}
export function identification(header: usize): u32 {
  return get32(header + FRAGMENT_IDENTIFICATION);
}
