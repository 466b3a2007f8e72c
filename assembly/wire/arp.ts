// ARP for IPv4 over Ethernet (RFC 826): the two protocol addresses.

import { get16, get8 } from "./bytes";

const PROTOCOL_TYPE: usize = 2;
const HARDWARE_LENGTH: usize = 4;
const PROTOCOL_LENGTH: usize = 5;
export const SENDER: usize = 14;
export const TARGET: usize = 24;
export const LEN: usize = 28;

export function fits(header: usize, end: usize): bool {
  return header + LEN <= end;
}
/** Whether its addresses stand where `SENDER` and `TARGET` say: 6-byte hardware, 4-byte IPv4 addresses. */
export function isIpv4(header: usize): bool {
  return get16(header + PROTOCOL_TYPE) == 0x0800 && get8(header + HARDWARE_LENGTH) == 6 && get8(header + PROTOCOL_LENGTH) == 4;
}
