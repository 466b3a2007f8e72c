// Numbers by which the programs in the kernel know tunnel packets: the XDP program (steering.ts), the filter of AF_PACKET
// (packet-filter.ts), which has to take the same, and what spreads packets over workers (packet-fanout.ts).

/** EtherTypes. */
export const IPV4 = 0x0800;
export const IPV6 = 0x86dd;
/** Of tags: IEEE 802.1Q, 802.1ad, and what was used before that. */
export const TAGS = [0x8100, 0x88a8, 0x9100];
/** What is looked behind. */
export const MOST_TAGS = 2;

/** IP protocols. */
export const UDP = 17;
export const GRE = 47;
/** IPv6 extension headers that say in their second byte how long they are: hop-by-hop, routing, destination options. */
export const EXTENSIONS = [0, 43, 60];
export const FRAGMENT = 44;
/** In the order of RFC 8200 4.1 there are five without authentication. */
export const MOST_EXTENSIONS = 6;
