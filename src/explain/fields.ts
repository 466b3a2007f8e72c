// The fields of each header that the parser passes, read from the bytes where the trace says it lies. Each function is the
// table of one protocol: name of the field and where it stands; a field that is not there is undefined.

import { Header } from "../engine/index.js";
import { hex16, hexBytes, ipv4, ipv6, mac, u16, u24, u32 } from "./network-order.js";

export type FieldValue = string | number | boolean | readonly FieldValue[] | Fields;
export interface Fields {
  readonly [name: string]: FieldValue | undefined;
}

type Bytes = Uint8Array;

export const HEADER_NAMES: Readonly<Record<Header, string>> = {
  [Header.Ethernet]: "Ethernet",
  [Header.Vlan]: "VLAN tag",
  [Header.Sll]: "Linux SLL",
  [Header.Sll2]: "Linux SLL2",
  [Header.Ipv4]: "IPv4",
  [Header.Ipv6]: "IPv6",
  [Header.HopByHop]: "hop-by-hop options",
  [Header.Routing]: "routing",
  [Header.DestinationOptions]: "destination options",
  [Header.Fragment]: "fragment",
  [Header.Datagram]: "reassembled datagram",
  [Header.Udp]: "UDP",
  [Header.Gre]: "GRE",
  [Header.Erspan2]: "ERSPAN II",
  [Header.Erspan3]: "ERSPAN III",
  [Header.ErspanPlatform]: "ERSPAN III sub-header",
  [Header.Vxlan]: "VXLAN",
  [Header.VxlanGpe]: "VXLAN-GPE",
  [Header.Geneve]: "GENEVE",
  [Header.Tzsp]: "TZSP",
  [Header.HpErm]: "HP ERM",
  [Header.InnerFrame]: "inner frame",
};

/** Fields of the header at `at`, of which `length` bytes are there: as many as the trace says. */
export function fieldsOf(header: Header, b: Bytes, at: number, length: number): Fields {
  switch (header) {
    case Header.Ethernet:
      return ethernet(b, at);
    case Header.Vlan:
      return vlan(b, at);
    case Header.Sll:
      return { packetType: u16(b, at), hardware: u16(b, at + 2), protocol: hex16(u16(b, at + 14)) };
    case Header.Sll2:
      return {
        protocol: hex16(u16(b, at)),
        interface: u32(b, at + 4),
        hardware: u16(b, at + 8),
        packetType: b[at + 10]!,
      };
    case Header.Ipv4:
      return ipv4Header(b, at);
    case Header.Ipv6:
      return ipv6Header(b, at);
    case Header.HopByHop:
    case Header.DestinationOptions:
      return { nextHeader: b[at]!, headerLength: length };
    case Header.Routing:
      return { nextHeader: b[at]!, headerLength: length, routingType: b[at + 2]!, segmentsLeft: b[at + 3]! };
    case Header.Fragment:
      return {
        nextHeader: b[at]!,
        fragmentOffset: u16(b, at + 2) & 0xfff8,
        moreFragments: (b[at + 3]! & 1) !== 0,
        identification: u32(b, at + 4),
      };
    case Header.Udp:
      return udp(b, at);
    case Header.Gre:
      return gre(b, at, length);
    case Header.Erspan2:
      return erspan2(b, at);
    case Header.Erspan3:
      return erspan3(b, at);
    case Header.ErspanPlatform:
      return platform(b, at);
    case Header.Vxlan:
      return { flags: b[at]!, vni: u24(b, at + 4) };
    case Header.VxlanGpe:
      return { flags: b[at]!, nextProtocol: b[at + 3]!, vni: u24(b, at + 4) };
    case Header.Geneve:
      return geneve(b, at, length);
    case Header.Tzsp:
      return tzsp(b, at, length);
    case Header.HpErm:
      return { priority: b[at + 9]! >> 5, cfi: (b[at + 9]! & 0x10) !== 0, vlan: u16(b, at + 9) & 0xfff };
    default:
      return {};
  }
}

export function ethernet(b: Bytes, at: number): Fields {
  return { source: mac(b, at + 6), destination: mac(b, at), type: hex16(u16(b, at + 12)) };
}

export function vlan(b: Bytes, at: number): Fields {
  const control = u16(b, at);
  return {
    vid: control & 0xfff,
    priority: control >> 13,
    dei: (control & 0x1000) !== 0,
    type: hex16(u16(b, at + 2)),
  };
}

export function ipv4Header(b: Bytes, at: number): Fields {
  const fragment = u16(b, at + 6);
  return {
    source: ipv4(b, at + 12),
    destination: ipv4(b, at + 16),
    protocol: b[at + 9]!,
    headerLength: (b[at]! & 15) * 4,
    trafficClass: b[at + 1]!,
    totalLength: u16(b, at + 2),
    identification: u16(b, at + 4),
    dontFragment: (fragment & 0x4000) !== 0,
    moreFragments: (fragment & 0x2000) !== 0,
    fragmentOffset: (fragment & 0x1fff) * 8,
    ttl: b[at + 8]!,
    checksum: hex16(u16(b, at + 10)),
  };
}

export function ipv6Header(b: Bytes, at: number): Fields {
  return {
    source: ipv6(b, at + 8),
    destination: ipv6(b, at + 24),
    nextHeader: b[at + 6]!,
    trafficClass: (u16(b, at) >> 4) & 0xff,
    flowLabel: u32(b, at) & 0xfffff,
    payloadLength: u16(b, at + 4),
    hopLimit: b[at + 7]!,
  };
}

export function udp(b: Bytes, at: number): Fields {
  return {
    sourcePort: u16(b, at),
    destinationPort: u16(b, at + 2),
    length: u16(b, at + 4),
    checksum: hex16(u16(b, at + 6)),
  };
}

/** RFC 2784, 2890; source routes after RFC 1701. */
function gre(b: Bytes, at: number, length: number): Fields {
  const word = u16(b, at);
  const has = (bit: number) => (word & bit) !== 0;
  const flags = `${has(0x8000) ? "C" : ""}${has(0x4000) ? "R" : ""}${has(0x2000) ? "K" : ""}${has(0x1000) ? "S" : ""}`;
  const key = at + (has(0xc000) ? 8 : 4);
  const sequence = key + (has(0x2000) ? 4 : 0);
  const routes = sequence + (has(0x1000) ? 4 : 0);
  return {
    flags,
    version: word & 7,
    protocol: hex16(u16(b, at + 2)),
    checksum: has(0xc000) ? hex16(u16(b, at + 4)) : undefined,
    offset: has(0xc000) ? u16(b, at + 6) : undefined,
    key: has(0x2000) ? u32(b, key) : undefined,
    sequence: has(0x1000) ? u32(b, sequence) : undefined,
    routes: has(0x4000) ? hexBytes(b, routes, at + length) : undefined,
  };
}

/** draft-foschiano-erspan-03 4.2 */
function erspan2(b: Bytes, at: number): Fields {
  const word = u16(b, at + 2);
  return {
    version: b[at]! >> 4,
    session: word & 0x3ff,
    vlan: u16(b, at) & 0xfff,
    cos: word >> 13,
    en: (word >> 11) & 3,
    truncated: (word & 0x400) !== 0,
    index: u32(b, at + 4) & 0xfffff,
  };
}

/** draft-foschiano-erspan-03 4.3 */
function erspan3(b: Bytes, at: number): Fields {
  const word = u16(b, at + 2);
  const flags = u16(b, at + 10);
  return {
    version: b[at]! >> 4,
    session: word & 0x3ff,
    vlan: u16(b, at) & 0xfff,
    cos: word >> 13,
    bso: (word >> 11) & 3,
    truncated: (word & 0x400) !== 0,
    timestamp: u32(b, at + 4),
    securityGroup: u16(b, at + 8),
    ethernetFrame: (flags & 0x8000) !== 0,
    frameType: (flags >> 10) & 0x1f,
    hardwareId: (flags >> 4) & 0x3f,
    direction: (flags >> 3) & 1,
    granularity: (flags >> 1) & 3,
    subHeader: (flags & 1) !== 0,
  };
}

/** The platform-specific sub-header, by its id: 58 bits that mean something else for each. */
function platform(b: Bytes, at: number): Fields {
  const id = b[at]! >> 2;
  const first = u32(b, at);
  const second = u32(b, at + 4);
  if (id === 1) return { platform: id, vsmDomain: first & 0xfff, port: second };
  if (id === 3) return { platform: id, port: first & 0xfff, upperTimestamp: second };
  if (id === 5 || id === 6) {
    return { platform: id, switch: (first >>> 16) & 0x3ff, port: first & 0xffff, seconds: second };
  }
  if (id === 7) return { platform: id, sourceIndex: first & 0xfffff, upperTimestamp: second };
  return { platform: id, data: hexBytes(b, at, at + 8) };
}

/** RFC 8926 3.4, 3.5 */
function geneve(b: Bytes, at: number, length: number): Fields {
  return {
    version: b[at]! >> 6,
    control: (b[at + 1]! & 0x80) !== 0,
    critical: (b[at + 1]! & 0x40) !== 0,
    protocol: hex16(u16(b, at + 2)),
    vni: u24(b, at + 4),
    options: length === 8 ? undefined : geneveOptions(b, at + 8, at + length),
  };
}

function geneveOptions(b: Bytes, from: number, end: number): Fields[] {
  const options: Fields[] = [];
  for (let at = from; at + 4 <= end; ) {
    const next = at + 4 + (b[at + 3]! & 0x1f) * 4;
    options.push({
      class: hex16(u16(b, at)),
      type: b[at + 2]! & 0x7f,
      critical: (b[at + 2]! & 0x80) !== 0,
      data: hexBytes(b, at + 4, Math.min(next, end)),
    });
    at = next;
  }
  return options;
}

function tzsp(b: Bytes, at: number, length: number): Fields {
  return {
    version: b[at]!,
    type: b[at + 1]!,
    protocol: u16(b, at + 2),
    tags: tzspTags(b, at + 4, at + length),
  };
}

/** Tags 0 (padding) and 1 (end) are a single byte; the others have a length and data. */
function tzspTags(b: Bytes, from: number, end: number): Fields[] {
  const tags: Fields[] = [];
  for (let at = from; at + 2 <= end && b[at] !== 1; ) {
    if (b[at] === 0) {
      at++;
      continue;
    }
    const next = at + 2 + b[at + 1]!;
    tags.push({ type: b[at]!, data: hexBytes(b, at + 2, Math.min(next, end)) });
    at = next;
  }
  return tags;
}
