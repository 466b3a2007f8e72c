// IP addresses as the kernel takes and gives them: bytes in network order, and the socket addresses made of them.

import ipaddr from "ipaddr.js";

/** An IP address: 4 or 16 bytes in network order. */
export interface Address {
  readonly family: 4 | 6;
  readonly bytes: Uint8Array;
}

export const AF_INET = 2;
export const AF_INET6 = 10;

export function addressFamily(address: Address): number {
  return address.family === 4 ? AF_INET : AF_INET6;
}

/** The address that `bytes` are, of which there are 4 or 16. A copy: what the kernel said lies in a buffer that is used again. */
export function addressOfBytes(bytes: Uint8Array): Address {
  return { family: bytes.length === 4 ? 4 : 6, bytes: bytes.slice() };
}

/** For messages: `10.77.0.2`, `2001:db8::1` (RFC 5952), as everywhere else. */
export function addressText({ bytes }: Address): string {
  return ipaddr.fromByteArray([...bytes]).toString();
}

/**
 * `struct sockaddr_in` (ip(7)) or `sockaddr_in6` (ipv6(7)):
 *
 *     0 family:16 | 2 port:16 (network order) | 4 address:32
 *     0 family:16 | 2 port:16 (network order) | 4 flow:32 | 8 address:128 | 24 scope:32
 */
export function socketAddress(address: Address, port: number): Uint8Array {
  const bytes = new Uint8Array(address.family === 4 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, addressFamily(address), true);
  view.setUint16(2, port);
  bytes.set(address.bytes, address.family === 4 ? 4 : 8);
  return bytes;
}
