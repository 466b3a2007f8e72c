// IP protocol numbers and IPv6 extension headers (IANA).

export const HOP_BY_HOP: u32 = 0;
export const UDP: u32 = 17;
export const ROUTING: u32 = 43;
export const FRAGMENT: u32 = 44;
export const GRE: u32 = 47;
export const ICMPV6: u32 = 58;
export const DESTINATION_OPTIONS: u32 = 60;

/** What can carry a tunnel. */
export function isCarrier(protocol: u32): bool {
  return protocol == GRE || protocol == UDP;
}
export function isExtension(nextHeader: u32): bool {
  return nextHeader == HOP_BY_HOP || nextHeader == ROUTING || nextHeader == DESTINATION_OPTIONS;
}
