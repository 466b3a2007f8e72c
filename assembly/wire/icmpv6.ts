// ICMPv6 neighbour discovery (RFC 4861 4.3 to 4.5): the target address of solicitations, advertisements, redirects.

import { get8 } from "./bytes";

export const TARGET: usize = 8;
export const LEN: usize = TARGET + 16;

const NEIGHBOR_SOLICITATION: u32 = 135;
const NEIGHBOR_ADVERTISEMENT: u32 = 136;
const REDIRECT: u32 = 137;

export function fits(header: usize, end: usize): bool {
  return header + LEN <= end;
}
export function hasTarget(header: usize): bool {
  const type = get8(header);
  return type >= NEIGHBOR_SOLICITATION && type <= REDIRECT;
}
export function isAdvertisement(header: usize): bool {
  return get8(header) == NEIGHBOR_ADVERTISEMENT;
}
