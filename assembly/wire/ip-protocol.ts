// IP protocol numbers and IPv6 extension headers (IANA).

export const HOP_BY_HOP: u32 = 0;
export const TCP: u32 = 6;
export const UDP: u32 = 17;
export const DCCP: u32 = 33;
export const ROUTING: u32 = 43;
export const FRAGMENT: u32 = 44;
export const GRE: u32 = 47;
export const AUTHENTICATION: u32 = 51;
export const ICMPV6: u32 = 58;
export const DESTINATION_OPTIONS: u32 = 60;
export const SCTP: u32 = 132;
export const UDP_LITE: u32 = 136;

/** What can carry a tunnel. */
export function isCarrier(protocol: u32): bool {
  return protocol == GRE || protocol == UDP;
}
export function isExtension(nextHeader: u32): bool {
  return nextHeader == HOP_BY_HOP || nextHeader == ROUTING || nextHeader == DESTINATION_OPTIONS;
}
/** Whose header begins with source and destination port. */
export function hasPorts(protocol: u32): bool {
  return protocol == TCP || protocol == UDP || protocol == SCTP || protocol == DCCP || protocol == UDP_LITE;
}

export const NO_CHECKSUM: usize = 0xff;

/** Where a header whose checksum covers the IP addresses has it; NO_CHECKSUM for others. */
export function checksumOffset(protocol: u32, isIpv6: bool): usize {
  if (protocol == TCP) return 16;
  if (protocol == UDP || protocol == UDP_LITE || protocol == DCCP) return 6;
  return protocol == ICMPV6 && isIpv6 ? 2 : NO_CHECKSUM;
}
