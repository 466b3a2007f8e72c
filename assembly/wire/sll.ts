// Linux cooked captures: LINKTYPE_LINUX_SLL (113) and LINKTYPE_LINUX_SLL2 (276), tcpdump.org/linktypes. Only the protocol
// is of use: SLL has it last, SLL2 first.

import { get16 } from "./bytes";

export const PROTOCOL: usize = 14;
export const HEADER_LEN: usize = PROTOCOL + 2;

export const PROTOCOL_2: usize = 0;
export const HEADER_LEN_2: usize = 20;

export function fits(header: usize, end: usize): bool {
  return header + HEADER_LEN <= end;
}
export function protocol(header: usize): u32 {
  return get16(header + PROTOCOL);
}
export function fits2(header: usize, end: usize): bool {
  return header + HEADER_LEN_2 <= end;
}
export function protocol2(header: usize): u32 {
  return get16(header + PROTOCOL_2);
}
