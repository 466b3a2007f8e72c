// pcapng Enhanced Packet Block (draft-ietf-opsawg-pcapng 4.3), written in the machine's byte order.
//
//  0      4        8           12          16         20         24         28
//  ├──────┼────────┼───────────┼───────────┼──────────┼──────────┼──────────┼─────────────────────────────────────┐
//  │ 6    │ length │ interface │ time high │ time low │ captured │ original │ data, padded │ options │ length again │
//  └──────┴────────┴───────────┴───────────┴──────────┴──────────┴──────────┴─────────────────────────────────────┘

export const TYPE: usize = 0;
export const LENGTH: usize = TYPE + 4;
export const INTERFACE: usize = LENGTH + 4;
export const TIME_HIGH: usize = INTERFACE + 4;
export const TIME_LOW: usize = TIME_HIGH + 4;
export const CAPTURED: usize = TIME_LOW + 4;
export const ORIGINAL: usize = CAPTURED + 4;
export const DATA: usize = ORIGINAL + 4;
export const TRAILER_LEN: usize = 4;

export const ENHANCED_PACKET: u32 = 6;

export const OPTION_HEADER_LEN: usize = 4; // code, length
export const OPTION_END: u32 = 0;
export const OPTION_COMMENT: u32 = 1;
export const OPTION_FLAGS: u32 = 2; // bits 0 and 1: 1 inbound, 2 outbound

/** Writes code and length of an option, gives where its value goes. */
export function putOption(at: usize, code: u32, length: u32): usize {
  store<u16>(at, <u16>code);
  store<u16>(at + 2, <u16>length);
  return at + OPTION_HEADER_LEN;
}
export function padded(length: usize): usize {
  return (length + 3) & ~3;
}
