// Numbers and addresses out of packets: big-endian, as they stand on the wire. Callers have checked the bounds.

import { addressText } from "../engine/address.js";

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}
export function u24(bytes: Uint8Array, at: number): number {
  return (u16(bytes, at) << 8) | bytes[at + 2]!;
}
export function u32(bytes: Uint8Array, at: number): number {
  return ((u16(bytes, at) << 16) | u16(bytes, at + 2)) >>> 0;
}

/** `0x88be` */
export function hex16(value: number): string {
  return `0x${HEX[value >>> 8]}${HEX[value & 0xff]}`;
}

/** `0x0badcafe` */
export function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}

/** `02:00:00:00:0a:01` */
export function mac(bytes: Uint8Array, at: number): string {
  return `${HEX[bytes[at]!]}:${HEX[bytes[at + 1]!]}:${HEX[bytes[at + 2]!]}:${HEX[bytes[at + 3]!]}:${HEX[bytes[at + 4]!]}:${HEX[bytes[at + 5]!]}`;
}

/** `10.77.0.2` */
export function ipv4(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** `2001:db8::1` (RFC 5952) */
export function ipv6(bytes: Uint8Array, at: number): string {
  return addressText(bytes.subarray(at, at + 16), true);
}

/** Bytes as hexadecimal, without separators. */
export function hexBytes(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let at = from; at < to; at++) text += HEX[bytes[at]!];
  return text;
}

/** The checksum that the stretch should have where the one at `field` stands (RFC 1071). */
export function internetChecksum(bytes: Uint8Array, from: number, to: number, field: number): number {
  let sum = 0;
  for (let at = from; at < to; at += 2) {
    if (at !== field) sum += (bytes[at]! << 8) | (at + 1 < to ? bytes[at + 1]! : 0);
  }
  while (sum > 0xffff) sum = (sum >>> 16) + (sum & 0xffff);
  return ~sum & 0xffff;
}
