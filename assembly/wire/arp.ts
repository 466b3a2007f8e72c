// ARP for IPv4 (RFC 826): the two protocol addresses, behind hardware addresses whose length the header tells.

import { get8, get16 } from "./bytes";
import * as etherTypes from "./ether-type";

const PROTOCOL_TYPE: usize = 2;
const HARDWARE_LENGTH: usize = 4;
const PROTOCOL_LENGTH: usize = 5;
export const HEADER_LEN: usize = 8;

/** The fixed part; the addresses behind it are to be checked each. */
export function fits(header: usize, end: usize): bool {
  return header + HEADER_LEN <= end;
}
export function isIpv4(header: usize): bool {
  return get16(header + PROTOCOL_TYPE) == etherTypes.IPV4 && get8(header + PROTOCOL_LENGTH) == 4;
}
/** Where the sender's protocol address stands. */
export function sender(header: usize): usize {
  return header + HEADER_LEN + get8(header + HARDWARE_LENGTH);
}
/** Where the target's protocol address stands. */
export function target(header: usize): usize {
  return sender(header) + 4 + get8(header + HARDWARE_LENGTH);
}
