// VLAN tag (IEEE 802.1Q-2018 9.6), as it follows a tag protocol identifier that has already been read.
//
//  0   16
//  ┌───┬─┬────────────┬────────────────┐
//  │PCP│D│    VID     │ next EtherType │
//  └───┴─┴────────────┴────────────────┘

import { get16, put16 } from "./bytes";

export const CONTROL: usize = 0; // pcp:3 dei:1 vid:12
export const TYPE: usize = CONTROL + 2;
export const HEADER_LEN: usize = TYPE + 2;

export const TPID_CUSTOMER: u32 = 0x8100; // 802.1Q
export const TPID_SERVICE: u32 = 0x88a8; // 802.1ad
export const TPID_OLD_SERVICE: u32 = 0x9100; // before 802.1ad, still met

export function fits(header: usize, end: usize): bool {
  return header + HEADER_LEN <= end;
}
export function isTag(etherType: u32): bool {
  return etherType == TPID_CUSTOMER || etherType == TPID_SERVICE || etherType == TPID_OLD_SERVICE;
}
export function vid(header: usize): u32 {
  return get16(header + CONTROL) & 0xfff;
}
export function type(header: usize): u32 {
  return get16(header + TYPE);
}

/** The control word of a tag with DEI 0. */
export function control(priority: u32, vid: u32): u32 {
  return (priority << 13) | vid;
}

/** Inserts a customer tag after the MAC addresses by moving them `HEADER_LEN` bytes towards the front. */
export function insert(frame: usize, control: u32): usize {
  const moved = frame - HEADER_LEN;
  store<u64>(moved, load<u64>(frame));
  store<u32>(moved + 8, load<u32>(frame + 8));
  put16(moved + 12, TPID_CUSTOMER);
  put16(moved + 14, control);
  return moved;
}

/** Writes the tag that follows a TPID: what `control` gives, then the next EtherType. */
export function put(header: usize, control: u32, type: u32): void {
  put16(header + CONTROL, control);
  put16(header + TYPE, type);
}
/** The control word as it stands. */
export function controlOf(header: usize): u32 {
  return get16(header + CONTROL);
}
