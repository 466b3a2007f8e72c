// Why the parser stopped: what it found, where, and what would have been right. Looks again at the bytes behind the last
// header that was passed, in the order in which the engine checks them (assembly/README.md).

import { Header } from "../engine/index.js";
import { HEADER_NAMES } from "./fields.js";
import { hex16, internetChecksum, u16, u32 } from "./network-order.js";
import { etherTypeText, gpeProtocolText, ipProtocolText, isTag } from "./numbers.js";
import { etherTypeOf, type Following, type Passage, type Passed, protocolOf } from "./passage.js";

/** Why a packet leads to no tunnel. */
export function notTunnel(passage: Passage, next: Following): string {
  const last = passage.headers.at(-1);
  if (last === undefined) {
    return `link type ${passage.linkType} is not decoded; Ethernet, raw IP and Linux cooked captures are`;
  }
  if (next.header === Header.Udp && next.at + 8 <= passage.end) {
    const port = u16(passage.bytes, next.at + 2);
    return `UDP at offset ${next.at} goes to port ${port}, which is no tunnel's; --port names others`;
  }
  const where = `behind the ${HEADER_NAMES[last.header]} header at offset ${last.at}`;
  if ([Header.Ethernet, Header.Vlan, Header.Sll, Header.Sll2].includes(last.header)) {
    const type = etherTypeOf(last);
    return isTag(type)
      ? `a third VLAN tag comes ${where}; up to two are passed`
      : `EtherType ${etherTypeText(type)} comes ${where}; a tunnel comes in IPv4 (0x0800) or IPv6 (0x86dd)`;
  }
  const protocol = protocolOf(passage.headers);
  if (protocol === 44) return `a second fragment header comes ${where}; a packet has one`;
  return `IP protocol ${ipProtocolText(protocol)} comes ${where}; a tunnel comes in GRE (47) or UDP (17)`;
}

/** What was missing, or declared shorter than it can be. */
export function truncated(passage: Passage, next: Following): string {
  return shortPacket(passage) ?? shortNext(passage, next);
}

/** Lengths in the last header passed that cannot be, and what belongs to it but is not there. */
function shortPacket(passage: Passage): string | undefined {
  const { end, declared } = passage;
  const last = passage.headers.at(-1);
  if (last === undefined) return undefined;
  const { header, bytes: b, at: p, length } = last;
  if (header === Header.Ipv4) {
    const total = u16(b, p + 2);
    if (total !== 0 && total < length) {
      return `the IPv4 header at offset ${p} has ${length} bytes, but its total length is ${total}`;
    }
  }
  const isFragment = header === Header.Ipv4 ? (u16(b, p + 6) & 0x3fff) !== 0 : header === Header.Fragment;
  if (isFragment && declared > end) {
    return `the ${HEADER_NAMES[header]} header at offset ${p} is a fragment's, which has to be captured whole to be put together; ${declared - end} bytes of it are missing`;
  }
  if (header === Header.Udp && u16(b, p + 4) !== 0 && u16(b, p + 4) < 8) {
    return `the UDP length at offset ${p + 4} is ${u16(b, p + 4)}; the header alone has 8 bytes`;
  }
  if (header === Header.Geneve) return geneveOverrun(b, p, p + length);
  if ((header === Header.Erspan3 || header === Header.ErspanPlatform) && p + length === end) {
    return `the ERSPAN III header says that IP follows (FT 2) at offset ${end}, where nothing was captured`;
  }
  return undefined;
}

function geneveOverrun(b: Uint8Array, geneve: number, end: number): string {
  let option = geneve + 8;
  while (option + 4 <= end) {
    const next = option + 4 + (b[option + 3]! & 0x1f) * 4;
    if (next > end) {
      return `the GENEVE option at offset ${option} has ${next - option} bytes, the options end after ${end - option}`;
    }
    option = next;
  }
  return `a GENEVE option at offset ${option} needs 4 bytes, the options end after ${end - option}`;
}

function shortNext({ bytes: b, end, declared }: Passage, { header, at: p }: Following): string {
  if (header === undefined) return `what follows at offset ${p} is not all there`;
  const there = Math.max(0, end - p);
  const remain = declared > end ? `${there} were captured` : `${there} remain in the packet`;
  const needs = (length: number, what = `the ${HEADER_NAMES[header]}${suffix(header)} at offset ${p}`) =>
    `${what} needs ${length} bytes, ${remain}`;
  const fixed = LEAST[header] ?? 0;
  if (there < fixed) return needs(fixed);
  switch (header) {
    case Header.Ipv4: {
      const length = (b[p]! & 15) * 4;
      return length < 20
        ? `the IPv4 header length at offset ${p} is ${length} bytes; it has at least 20`
        : needs(length);
    }
    case Header.HopByHop:
    case Header.Routing:
    case Header.DestinationOptions:
      return needs((b[p + 1]! + 1) * 8);
    case Header.Gre: {
      const flags = u16(b, p);
      const length = 4 + ((flags & 0xc000) !== 0 ? 4 : 0) + bit(flags, 0x2000) + bit(flags, 0x1000);
      return there < length
        ? needs(length)
        : `the GRE source routes at offset ${p + length} do not end (with an entry of family 0 and length 0) before offset ${end}`;
    }
    case Header.Geneve:
      return needs(8 + (b[p]! & 0x3f) * 4);
    case Header.Tzsp:
      return `the TZSP tags at offset ${p + 4} have no end tag (1) before offset ${end}`;
    default:
      return needs(fixed);
  }
}

function bit(flags: number, mask: number): number {
  return (flags & mask) !== 0 ? 4 : 0;
}

/** Least length of a header, in bytes. */
const LEAST: Readonly<Partial<Record<Header, number>>> = {
  [Header.Ethernet]: 14,
  [Header.Vlan]: 4,
  [Header.Sll]: 16,
  [Header.Sll2]: 20,
  [Header.Ipv4]: 20,
  [Header.Ipv6]: 40,
  [Header.HopByHop]: 8,
  [Header.Routing]: 8,
  [Header.DestinationOptions]: 8,
  [Header.Fragment]: 8,
  [Header.Udp]: 8,
  [Header.Gre]: 4,
  [Header.Erspan2]: 8,
  [Header.Erspan3]: 12,
  [Header.ErspanPlatform]: 8,
  [Header.Vxlan]: 8,
  [Header.VxlanGpe]: 8,
  [Header.Geneve]: 8,
  [Header.Tzsp]: 4,
  [Header.HpErm]: 12,
};

function suffix(header: Header): string {
  return header === Header.ErspanPlatform || header === Header.Vlan ? "" : " header";
}

/** A checksum of an IPv4 or a GRE header that its bytes do not give. */
export function badChecksum({ headers, end }: Passage): string {
  const last = headers.at(-1)!;
  const isGre = last.header === Header.Gre;
  const field = last.at + (isGre ? 4 : 10);
  const right = internetChecksum(last.bytes, last.at, isGre ? end : last.at + last.length, field);
  const stands = hex16(u16(last.bytes, field));
  return `the ${HEADER_NAMES[last.header]} checksum at offset ${field} is ${stands}, its bytes give ${hex16(right)}; --checksums ignore accepts it`;
}

/** A version that the header cannot have. */
export function unsupportedVersion({ bytes: b, linkType }: Passage, { header, at: p }: Following): string {
  const found = (what: string, version: number, right: string) =>
    `the ${what} version at offset ${p} is ${version}, not ${right}`;
  switch (header) {
    case Header.Ipv4:
    case Header.Ipv6: {
      const either = p === 0 && [12, 14, 101].includes(linkType);
      return found("IP", b[p]! >> 4, either ? "4 or 6" : header === Header.Ipv4 ? "4" : "6");
    }
    case Header.Gre:
      return found("GRE", b[p + 1]! & 7, (b[p + 1]! & 7) === 1 ? "0 (1 is PPTP)" : "0");
    case Header.Erspan2:
      return found("ERSPAN", b[p]! >> 4, "1 (type II, by GRE protocol 0x88be)");
    case Header.Erspan3:
      return found("ERSPAN", b[p]! >> 4, "2 (type III, by GRE protocol 0x22eb)");
    case Header.VxlanGpe:
      return found("VXLAN-GPE", (b[p]! >> 4) & 3, "0");
    case Header.Geneve:
      return found("GENEVE", b[p]! >> 6, "0");
    case Header.Tzsp:
      return found("TZSP", b[p]!, "1");
    default:
      return `the version at offset ${p} is not supported`;
  }
}

/** A tunnel that carries something else than a frame or an IP packet. */
export function unsupportedPayload({ headers, bytes }: Passage, { header, at: next }: Following): string {
  const last = headers.at(-1)!;
  const { bytes: b, at: p } = last;
  switch (last.header) {
    case Header.Udp:
      if (header === Header.Tzsp) {
        const type = bytes[next + 1]!;
        return type > 1
          ? `the TZSP type at offset ${next + 1} is ${type}; received (0) and transmit (1) carry packets`
          : `the TZSP protocol at offset ${next + 2} is ${u16(bytes, next + 2)}, not 1 (Ethernet)`;
      }
      break;
    case Header.Gre:
      return `the GRE protocol at offset ${p + 2} is ${etherTypeText(u16(b, p + 2))}; ERSPAN, Ethernet (0x6558) and IP are decoded`;
    case Header.Erspan3:
    case Header.ErspanPlatform: {
      const erspan = last.header === Header.Erspan3 ? p : p - 12;
      const type = (b[erspan + 10]! >> 2) & 0x1f;
      return type === 2
        ? `the ERSPAN III frame type at offset ${erspan + 10} is 2 (IP), but the version at offset ${next} is ${bytes[next]! >> 4}`
        : `the ERSPAN III frame type at offset ${erspan + 10} is ${type}; 0 (Ethernet) and 2 (IP) are decoded`;
    }
    case Header.VxlanGpe:
      return (b[p]! & 1) !== 0
        ? `the VXLAN-GPE header at offset ${p} has the O flag: an OAM packet of the tunnel's own, nobody's traffic`
        : `the VXLAN-GPE next protocol at offset ${p + 3} is ${gpeProtocolText(b[p + 3]!)}; IPv4, IPv6 and Ethernet are decoded`;
    case Header.Geneve:
      return (b[p + 1]! & 0x80) !== 0
        ? `the GENEVE header at offset ${p} has the O flag: a control packet of the tunnel's own, nobody's traffic`
        : `the GENEVE protocol at offset ${p + 2} is ${etherTypeText(u16(b, p + 2))}; Ethernet (0x6558) and IP are decoded`;
  }
  return `what the ${HEADER_NAMES[last.header]} header at offset ${p} carries is not decoded`;
}

/** Flags that contradict the packet: of a fragment, or a VXLAN header without I. */
export function badFlags(passage: Passage, { header, at: p }: Following): string {
  if (header === Header.Vxlan || header === Header.VxlanGpe) {
    const flags = passage.bytes[p]!.toString(16).padStart(2, "0");
    return `the ${HEADER_NAMES[header]} flags at offset ${p} are 0x${flags}, without I (0x08), which a valid VNI needs`;
  }
  const last = passage.headers.at(-1)!;
  const length = passage.end - last.at - last.length;
  return length === 0
    ? `the fragment at offset ${last.at} carries no data`
    : `the fragment at offset ${last.at} has ${length} bytes; all but the last have a multiple of 8`;
}

/** The first GENEVE option that must be understood and is not. */
export function criticalOption({ headers }: Passage): string {
  const { bytes: b, at: p, length } = headers.at(-1)!;
  let option = p + 8;
  while (option + 4 <= p + length && (b[option + 2]! & 0x80) === 0) option += 4 + (b[option + 3]! & 0x1f) * 4;
  return `the GENEVE option of class ${hex16(u16(b, option))} and type ${b[option + 2]! & 0x7f} at offset ${option} is critical and unknown; --lenient passes it`;
}

/** Where the data of a fragment belongs in its datagram, by its IPv4 or fragment header. */
export function fragmentOffset({ header, bytes: b, at: p }: Passed): number {
  return header === Header.Fragment ? u16(b, p + 2) & 0xfff8 : (u16(b, p + 6) & 0x1fff) * 8;
}

/** Where the last header's fragment lies in its datagram: offset and length of its data. */
export function fragmentRange({ headers, end }: Passage): { offset: number; length: number } {
  const last = headers.at(-1)!;
  return { offset: fragmentOffset(last), length: end - last.at - last.length };
}

/** Identification of a fragment's datagram. */
export function identification({ headers }: Passage): number {
  const { header, bytes: b, at: p } = headers.at(-1)!;
  return header === Header.Fragment ? u32(b, p + 4) : u16(b, p + 4);
}
