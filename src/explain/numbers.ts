// What registered numbers stand for, in the words of the field.

const ETHER_TYPES: Readonly<Record<number, string>> = {
  2048: "IPv4",
  2054: "ARP",
  8939: "ERSPAN III",
  25944: "transparent Ethernet",
  33024: "802.1Q",
  34525: "IPv6",
  34887: "MPLS",
  34915: "PPPoE discovery",
  34916: "PPPoE",
  34827: "PPP",
  34984: "802.1ad",
  35006: "ERSPAN I or II",
  35020: "LLDP",
  35045: "MACsec",
  35151: "NSH",
  37120: "QinQ",
};

const IP_PROTOCOLS: Readonly<Record<number, string>> = {
  0: "hop-by-hop options",
  1: "ICMP",
  2: "IGMP",
  4: "IPv4",
  6: "TCP",
  17: "UDP",
  41: "IPv6",
  43: "routing",
  44: "fragment",
  47: "GRE",
  50: "ESP",
  51: "AH",
  58: "ICMPv6",
  59: "no next header",
  60: "destination options",
  89: "OSPF",
  103: "PIM",
  112: "VRRP",
  132: "SCTP",
};

/** VXLAN-GPE's next protocol (draft-ietf-nvo3-vxlan-gpe-13, 11.2). */
const GPE_PROTOCOLS: Readonly<Record<number, string>> = { 1: "IPv4", 2: "IPv6", 3: "Ethernet", 4: "NSH" };

/** ` (ARP)`, or nothing for an unknown number. */
function known(names: Readonly<Record<number, string>>, number: number): string {
  const name = names[number];
  return name === undefined ? "" : ` (${name})`;
}

/** `0x0806 (ARP)` */
export function etherTypeText(type: number): string {
  // IEEE 802.3 3.2.6: up to 1,500 it is the length of an LLC frame.
  const name = type <= 1500 ? " (an 802.3 length)" : known(ETHER_TYPES, type);
  return `0x${type.toString(16).padStart(4, "0")}${name}`;
}
/** `6 (TCP)` */
export function ipProtocolText(protocol: number): string {
  return `${protocol}${known(IP_PROTOCOLS, protocol)}`;
}
/** `4 (NSH)` */
export function gpeProtocolText(protocol: number): string {
  return `${protocol}${known(GPE_PROTOCOLS, protocol)}`;
}

export const IPV4 = 0x0800;
export const IPV6 = 0x86dd;
export const ARP = 0x0806;
export const GRE = 47;
export const UDP = 17;

export function isTag(etherType: number): boolean {
  return etherType === 0x8100 || etherType === 0x88a8 || etherType === 0x9100;
}
/** Hop-by-hop options, routing, destination options (RFC 8200 4.3, 4.4, 4.6). */
export function isExtension(nextHeader: number): boolean {
  return nextHeader === 0 || nextHeader === 43 || nextHeader === 60;
}
