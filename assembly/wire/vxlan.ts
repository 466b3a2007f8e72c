// VXLAN (RFC 7348 5) and VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe-13 3), which gives meaning to bits VXLAN ignores.
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  ┌─┬─┬───┬─┬─┬─┬─┬───────────────────────────────┬───────────────┐
//  │R│R│Ver│I│P│B│O│           Reserved            │ Next protocol │
//  ├─┴─┴───┴─┴─┴─┴─┴───────────────────────────────┼───────────────┤
//  │                      VNI                      │   Reserved    │
//  └───────────────────────────────────────────────┴───────────────┘

import { get8, get24, put24 } from "./bytes";

export const FLAGS: usize = 0;
export const NEXT_PROTOCOL: usize = FLAGS + 3;
export const VNI: usize = NEXT_PROTOCOL + 1;
export const HEADER_LEN: usize = VNI + 4;

export const FLAG_VERSION: u32 = 0x30;
export const FLAG_I: u32 = 0x08;
export const FLAG_P: u32 = 0x04;
export const FLAG_O: u32 = 0x01;

export const NEXT_IPV4: u32 = 1;
export const NEXT_IPV6: u32 = 2;
export const NEXT_ETHERNET: u32 = 3;

export function fits(header: usize, end: usize): bool {
  return header + HEADER_LEN <= end;
}
export function flags(header: usize): u32 {
  return get8(header + FLAGS);
}
export function nextProtocol(header: usize): u32 {
  return get8(header + NEXT_PROTOCOL);
}
export function vni(header: usize): u32 {
  return get24(header + VNI);
}

// ── emitting ──

export function put(header: usize, vni: u32): void {
  store<u64>(header, <u64>FLAG_I);
  put24(header + VNI, vni);
}
