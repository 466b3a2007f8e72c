// UDP (RFC 768): source port, destination port, length, checksum.

import { get16, put16 } from "./bytes";

export const SOURCE_PORT: usize = 0;
export const DESTINATION_PORT: usize = SOURCE_PORT + 2;
export const LENGTH: usize = DESTINATION_PORT + 2;
export const CHECKSUM: usize = LENGTH + 2;
export const HEADER_LEN: usize = CHECKSUM + 2;

export function fits(header: usize, end: usize): bool {
  return header + HEADER_LEN <= end;
}
/** For frames that may be cut short: only the ports. */
export function portsFit(header: usize, end: usize): bool {
  return header + LENGTH <= end;
}
export function destinationPort(header: usize): u32 {
  return get16(header + DESTINATION_PORT);
}
/** Header and data in bytes; 0 in a datagram larger than the field can say (RFC 2675 4, Linux BIG TCP). */
export function length(header: usize): u32 {
  return get16(header + LENGTH);
}

// ── emitting ──

/** Checksum 0: not computed (RFC 768). */
export function put(header: usize, source: u32, destination: u32, length: u32): void {
  put16(header + SOURCE_PORT, source);
  put16(header + DESTINATION_PORT, destination);
  put16(header + LENGTH, length);
  store<u16>(header, 0, CHECKSUM);
}
