// GENEVE (RFC 8926 3.4, 3.5).
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  ┌───┬───────────┬─┬─┬───────────┬───────────────────────────────┐
//  │Ver│  Opt len  │O│C│   Rsvd.   │         Protocol type         │
//  ├───┴───────────┴─┴─┴───────────┴───────────────┬───────────────┤
//  │                      VNI                      │   Reserved    │
//  ├───────────────────────────────┬───────────────┼─────┬─────────┤
//  │         Option class          │     Type      │R R R│ Length  │  options
//  └───────────────────────────────┴───────────────┴─────┴─────────┘

import { get8, get16, get24, put16, put24 } from "./bytes";

export const VERSION_LENGTH: usize = 0;
export const FLAGS: usize = VERSION_LENGTH + 1;
export const PROTOCOL: usize = FLAGS + 1;
export const VNI: usize = PROTOCOL + 2;
export const HEADER_LEN: usize = VNI + 4;

const OPTION_TYPE: usize = 2;
const OPTION_LENGTH: usize = 3;
const OPTION_HEADER_LEN: usize = 4;
const OPTION_CRITICAL: u32 = 0x80;

export function fits(header: usize, end: usize): bool {
  return header + HEADER_LEN <= end;
}
export function version(header: usize): u32 {
  return get8(header + VERSION_LENGTH) >> 6;
}
/** Bytes of options behind the fixed header. */
export function optionsLength(header: usize): u32 {
  return (get8(header + VERSION_LENGTH) & 0x3f) << 2;
}
/** O: a control packet, nothing of a tenant's in it. */
export function isControl(header: usize): bool {
  return (get8(header + FLAGS) & 0x80) != 0;
}
export function protocol(header: usize): u32 {
  return get16(header + PROTOCOL);
}
export function vni(header: usize): u32 {
  return get24(header + VNI);
}

export const OPTIONS_GOOD: u32 = 0;
export const OPTIONS_CRITICAL: u32 = 1;
export const OPTIONS_OVERRUN: u32 = 2;

/** Walks the options between `option` and `end`: whether one runs past the end, or else one is critical. */
export function walkOptions(option: usize, end: usize): u32 {
  let found = OPTIONS_GOOD;
  while (option < end) {
    if (option + OPTION_HEADER_LEN > end) return OPTIONS_OVERRUN;
    const next = option + OPTION_HEADER_LEN + ((get8(option + OPTION_LENGTH) & 0x1f) << 2);
    if (next > end) return OPTIONS_OVERRUN;
    if ((get8(option + OPTION_TYPE) & OPTION_CRITICAL) != 0) found = OPTIONS_CRITICAL;
    option = next;
  }
  return found;
}

// ── emitting ──

/** Without options. */
export function put(header: usize, protocol: u32, vni: u32): void {
  store<u64>(header, 0);
  put16(header + PROTOCOL, protocol);
  put24(header + VNI, vni);
}
