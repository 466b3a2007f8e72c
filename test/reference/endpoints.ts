// Who talks to whom in a decoded frame. What is not captured is not there.

import { SYNTHETIC_HEADER } from "./inner.js";
import { carriesTunnel, PROTOCOL } from "./ip.js";
import { ETHERTYPE, isTag, readTags } from "./link.js";
import { fits, type Region, skip, u8, u16 } from "./region.js";

export interface Endpoints {
  sourceMac?: Uint8Array;
  destinationMac?: Uint8Array;
  /** IP source, ARP sender, target of an ND advertisement. */
  sources: Uint8Array[];
  /** IP destination, ARP target, target of an ND solicitation or redirect. */
  destinations: Uint8Array[];
  /** Of IPv4 and IPv6 only. */
  ipDestination?: Uint8Array;
  /** `ip` and `arp` by EtherType, `unknown` when that was not captured. */
  kind: "ip" | "arp" | "other" | "unknown";
  /** Carries protocol 47, or UDP to this port. */
  gre?: true;
  udpPort?: number;
}

export function endpointsOf(frame: Uint8Array, synthetic: boolean): Endpoints {
  const region: Region = { bytes: frame, at: 0, end: frame.length, declared: frame.length };
  const endpoints: Endpoints = { sources: [], destinations: [], kind: "unknown" };
  if (!synthetic && fits(region, 6)) endpoints.destinationMac = frame.subarray(0, 6);
  if (!synthetic && fits(region, 12)) endpoints.sourceMac = frame.subarray(6, 12);
  if (!fits(region, SYNTHETIC_HEADER)) return endpoints;
  const tags = readTags(u16(frame, 12), skip(region, 14));
  if (tags === undefined) return endpoints;
  switch (tags.etherType) {
    case ETHERTYPE.IPV4:
      endpoints.kind = "ip";
      readIpv4(tags.region, endpoints);
      break;
    case ETHERTYPE.IPV6:
      endpoints.kind = "ip";
      readIpv6(tags.region, endpoints);
      break;
    case ETHERTYPE.ARP:
      endpoints.kind = "arp";
      readArp(tags.region, endpoints);
      break;
    default:
      // Behind a third tag anything may stand: that is not known to be something other than IP.
      endpoints.kind = isTag(tags.etherType) ? "unknown" : "other";
  }
  return endpoints;
}

function slice(region: Region, from: number, length: number): Uint8Array | undefined {
  const at = region.at + from;
  return at + length <= region.end ? region.bytes.subarray(at, at + length) : undefined;
}

function readIpv4(region: Region, endpoints: Endpoints): void {
  const { bytes, at } = region;
  if (!fits(region, 1) || u8(bytes, at) >> 4 !== 4) return;
  setIp(endpoints, slice(region, 12, 4), slice(region, 16, 4));
  if (!fits(region, 20)) return;
  const headerLength = (u8(bytes, at) & 0xf) * 4;
  if (headerLength < 20) return;
  const totalLength = u16(bytes, at + 2);
  const end = totalLength === 0 ? region.end : Math.min(region.end, at + totalLength);
  const laterFragment = (u16(bytes, at + 6) & 0x1fff) !== 0;
  setTransport(endpoints, u8(bytes, at + 9), { ...skip(region, headerLength), end }, laterFragment);
}

const ICMPV6 = 58;
const ND_TARGET = 8; // RFC 4861: neighbor solicitation 135, advertisement 136, redirect 137

function readIpv6(region: Region, endpoints: Endpoints): void {
  const { bytes, at } = region;
  if (!fits(region, 1) || u8(bytes, at) >> 4 !== 6) return;
  setIp(endpoints, slice(region, 8, 16), slice(region, 24, 16));
  if (!fits(region, 40)) return;
  const payloadLength = u16(bytes, at + 4);
  const end = payloadLength === 0 ? region.end : Math.min(region.end, at + 40 + payloadLength);
  let payload: Region = { ...skip(region, 40), end };
  let next = u8(bytes, at + 6);
  if (next === ICMPV6 && fits(payload, 1)) {
    const type = u8(bytes, payload.at);
    const target = type >= 135 && type <= 137 ? slice(payload, ND_TARGET, 16) : undefined;
    if (target !== undefined) (type === 136 ? endpoints.sources : endpoints.destinations).push(target);
    return;
  }
  let laterFragment = false;
  while (!laterFragment && [0, 43, 44, 60].includes(next)) {
    if (!fits(payload, 8)) return;
    const isFragment = next === 44;
    laterFragment = isFragment && (u16(bytes, payload.at + 2) & 0xfff8) !== 0;
    next = u8(bytes, payload.at);
    payload = skip(payload, isFragment ? 8 : 8 * (u8(bytes, payload.at + 1) + 1));
  }
  setTransport(endpoints, next, payload, laterFragment);
}

function setIp(
  endpoints: Endpoints,
  source: Uint8Array | undefined,
  destination: Uint8Array | undefined,
): void {
  if (source !== undefined) endpoints.sources.push(source);
  if (destination !== undefined) {
    endpoints.destinations.push(destination);
    endpoints.ipDestination = destination;
  }
}

function setTransport(endpoints: Endpoints, protocol: number, region: Region, laterFragment: boolean): void {
  if (!carriesTunnel(protocol)) return;
  if (protocol === PROTOCOL.GRE) endpoints.gre = true;
  else if (!laterFragment && fits(region, 4)) endpoints.udpPort = u16(region.bytes, region.at + 2);
}

/** RFC 826, for IPv4: the hardware length says where the protocol addresses lie. */
function readArp(region: Region, endpoints: Endpoints): void {
  const { bytes, at } = region;
  if (!fits(region, 8)) return;
  if (u16(bytes, at + 2) !== ETHERTYPE.IPV4 || u8(bytes, at + 5) !== 4) return;
  const hardware = u8(bytes, at + 4);
  const sender = slice(region, 8 + hardware, 4);
  const target = slice(region, 8 + hardware + 4 + hardware, 4);
  if (sender !== undefined) endpoints.sources.push(sender);
  if (target !== undefined) endpoints.destinations.push(target);
}
