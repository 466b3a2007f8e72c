// Ethernet II (IEEE 802.3): destination, source, EtherType.
//
//  0      6      12   14
//  ├──────┼──────┼────┤
//  │ dst  │ src  │type│
//  └──────┴──────┴────┘

import { get16, put16 } from "./bytes";

export const DESTINATION: usize = 0;
export const SOURCE: usize = DESTINATION + 6;
export const TYPE: usize = SOURCE + 6;
export const HEADER_LEN: usize = TYPE + 2;

/** The one bounds check: after it, every accessor below is safe. */
export function fits(header: usize, end: usize): bool {
  return header + HEADER_LEN <= end;
}
export function type(header: usize): u32 {
  return get16(header + TYPE);
}
/** A MAC address as 48 bits in memory order, for comparing and hashing. */
export function mac(address: usize): u64 {
  return <u64>load<u32>(address) | ((<u64>load<u16>(address + 4)) << 32);
}

/** The header in front of an inner packet that had none: 02:00:00:00:00:02 from 02:00:00:00:00:01. */
export function putSynthetic(header: usize, etherType: u32): void {
  store<u64>(header, 0x0002_02000000_0002); // 02 00 00 00 00 02 | 02 00, little-endian
  store<u32>(header + 8, 0x01000000); // 00 00 00 01
  put16(header + TYPE, etherType);
}

// ── emitting ──

/** Copies the MAC address at `from`. */
export function putMac(to: usize, from: usize): void {
  store<u32>(to, load<u32>(from));
  store<u16>(to, load<u16>(from, 4), 4);
}
export function put(header: usize, destination: usize, source: usize, etherType: u32): void {
  putMac(header + DESTINATION, destination);
  putMac(header + SOURCE, source);
  put16(header + TYPE, etherType);
}
