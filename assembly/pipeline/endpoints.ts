// Endpoints of the decoded frame: MACs, and the addresses of IPv4, IPv6, ARP and neighbour discovery. What was not
// captured is not there.

import {
  BARE,
  END,
  ENDPOINT_DESTINATION,
  ENDPOINT_DESTINATION_MAC,
  ENDPOINT_SOURCE,
  ENDPOINT_SOURCE_MAC,
  ENDPOINT_TARGET,
  FAMILY_IPV4,
  FAMILY_IPV6,
  HAS,
  HAS_SYNTHETIC,
  INNER_TYPE,
} from "../memory/layout";
import * as arp from "../wire/arp";
import * as etherTypes from "../wire/ether-type";
import * as ethernet from "../wire/ethernet";
import * as icmpv6 from "../wire/icmpv6";
import * as protocols from "../wire/ip-protocol";
import * as ipv4 from "../wire/ipv4";
import * as ipv6 from "../wire/ipv6";
import * as udp from "../wire/udp";
import * as vlan from "../wire/vlan";
import { innerNetworkHeader } from "./inner";
import { etherType } from "./link";
import { portEncapsulation } from "./tunnel";

let present: u32 = 0;
let ipFamily: u32 = 0;
let nonIp: bool = false;
let isPacket: bool = false;
let targetIsSource: bool = false;
let network: usize = 0;
let frameEnd: usize = 0;
let macSource: u64 = 0;
let macDestination: u64 = 0;
let highSource: u64 = 0;
let lowSource: u64 = 0;
let highDestination: u64 = 0;
let lowDestination: u64 = 0;
let highTarget: u64 = 0;
let lowTarget: u64 = 0;

/** ENDPOINT_* bits of what the frame has. */
export function has(endpoint: u32): bool {
  return (present & endpoint) != 0;
}
/** FAMILY_IPV4 or FAMILY_IPV6 of its addresses, 0 without any. */
export function family(): u32 {
  return ipFamily;
}
/** Neither IPv4, IPv6 nor ARP. */
export function isNonIp(): bool {
  return nonIp;
}
/** IP, so that its destination address is where it goes (which an ARP target is not). */
export function isIpPacket(): bool {
  return isPacket;
}
/** A neighbour advertisement tells of its sender; a solicitation asks for its destination (RFC 4861 4.3, 4.4). */
export function targetBelongsToSource(): bool {
  return targetIsSource;
}
export function mac(endpoint: u32): u64 {
  return endpoint == ENDPOINT_SOURCE_MAC ? macSource : macDestination;
}
export function high(endpoint: u32): u64 {
  return endpoint == ENDPOINT_SOURCE
    ? highSource
    : endpoint == ENDPOINT_DESTINATION
      ? highDestination
      : highTarget;
}
export function low(endpoint: u32): u64 {
  return endpoint == ENDPOINT_SOURCE
    ? lowSource
    : endpoint == ENDPOINT_DESTINATION
      ? lowDestination
      : lowTarget;
}

/** Reads the endpoints of the decoded frame of `d`. */
export function readEndpoints(d: usize): void {
  present = 0;
  ipFamily = 0;
  nonIp = false;
  isPacket = false;
  targetIsSource = false;
  const bare = <usize>load<u32>(d, BARE);
  frameEnd = <usize>load<u32>(d, END);
  if ((load<u32>(d, HAS) & HAS_SYNTHETIC) == 0) readMacs(bare);
  network = innerNetworkHeader(bare, frameEnd, load<u16>(d, INNER_TYPE));
  if (network == 0) return;
  const type = etherType();
  if (type == etherTypes.IPV4) readIpv4();
  else if (type == etherTypes.IPV6) readIpv6();
  else if (type == etherTypes.ARP) readArp();
  else nonIp = !vlan.isTag(type); // behind a third tag it is unknown, and unknown is never delivered
}

function readMacs(frame: usize): void {
  if (frame + ethernet.SOURCE > frameEnd) return;
  macDestination = ethernet.mac(frame + ethernet.DESTINATION);
  present |= ENDPOINT_DESTINATION_MAC;
  if (frame + ethernet.TYPE > frameEnd) return;
  macSource = ethernet.mac(frame + ethernet.SOURCE);
  present |= ENDPOINT_SOURCE_MAC;
}

function source4(at: usize): void {
  if (at + 4 > frameEnd) return;
  highSource = 0;
  lowSource = ((<u64>load<u32>(at)) << 32) | 0xffff0000;
  present |= ENDPOINT_SOURCE;
}
function destination4(at: usize): void {
  if (at + 4 > frameEnd) return;
  highDestination = 0;
  lowDestination = ((<u64>load<u32>(at)) << 32) | 0xffff0000;
  present |= ENDPOINT_DESTINATION;
}

function readIpv4(): void {
  if (network == frameEnd || ipv4.version(network) != 4) return;
  ipFamily = FAMILY_IPV4;
  isPacket = true;
  source4(network + ipv4.SOURCE);
  destination4(network + ipv4.DESTINATION);
}

function readArp(): void {
  if (!arp.fits(network, frameEnd) || !arp.isIpv4(network)) return;
  ipFamily = FAMILY_IPV4;
  source4(arp.sender(network));
  destination4(arp.target(network));
}

function readIpv6(): void {
  if (network == frameEnd || ipv6.version(network) != 6) return;
  ipFamily = FAMILY_IPV6;
  isPacket = true;
  const from = network + ipv6.SOURCE;
  if (from + 16 > frameEnd) return;
  highSource = load<u64>(from);
  lowSource = load<u64>(from, 8);
  present |= ENDPOINT_SOURCE;
  const to = network + ipv6.DESTINATION;
  if (to + 16 > frameEnd) return;
  highDestination = load<u64>(to);
  lowDestination = load<u64>(to, 8);
  present |= ENDPOINT_DESTINATION;
  const icmp = network + ipv6.HEADER_LEN;
  if (
    ipv6.nextHeader(network) != protocols.ICMPV6 ||
    !icmpv6.fits(icmp, packetEnd()) ||
    !icmpv6.hasTarget(icmp)
  )
    return;
  highTarget = load<u64>(icmp + icmpv6.TARGET);
  lowTarget = load<u64>(icmp + icmpv6.TARGET, 8);
  targetIsSource = icmpv6.isAdvertisement(icmp);
  present |= ENDPOINT_TARGET;
}

/** Where the IP packet ends by its own account, and at the frame's end at the latest. */
function packetEnd(): usize {
  return ipFamily == FAMILY_IPV4 ? ipv4.packetEnd(network, frameEnd) : ipv6.packetEnd(network, frameEnd);
}

/** Whether the frame is IP that carries GRE, or UDP to a tunnel port. */
export function carriesTunnel(): bool {
  if (!isPacket) return false;
  return ipFamily == FAMILY_IPV4 ? carriesTunnel4() : carriesTunnel6();
}

function carriesTunnel4(): bool {
  if (!ipv4.fits(network, frameEnd) || ipv4.headerLength(network) < <u32>ipv4.HEADER_LEN) return false;
  const payload = network + ipv4.headerLength(network);
  return isTunnel(ipv4.protocol(network), payload, ipv4.fragmentOffset(network) != 0);
}

function carriesTunnel6(): bool {
  if (!ipv6.fits(network, frameEnd)) return false;
  const end = packetEnd();
  let next = ipv6.nextHeader(network);
  let p = network + ipv6.HEADER_LEN;
  let isLaterFragment = false;
  while (!isLaterFragment && (protocols.isExtension(next) || next == protocols.FRAGMENT)) {
    if (p + ipv6.EXTENSION_MIN > end) return false;
    const isFragment = next == protocols.FRAGMENT;
    isLaterFragment = isFragment && ipv6.fragmentOffset(p) != 0;
    next = ipv6.extensionNext(p);
    p += isFragment ? ipv6.FRAGMENT_LEN : ipv6.extensionLength(p);
  }
  return isTunnel(next, p, isLaterFragment);
}

/** A fragment that is not the first has no ports to go by. */
function isTunnel(protocol: u32, payload: usize, isLaterFragment: bool): bool {
  if (protocol == protocols.GRE) return true;
  if (protocol != protocols.UDP || isLaterFragment) return false;
  return udp.portsFit(payload, packetEnd()) && portEncapsulation(payload) != 0;
}
