// Delivery on the sniffer's own segment, in place: `mac` changes the MAC addresses and may push a tag, `ip` also the
// destination address and every checksum that covers it.

import {
  SNIFFER_ADDRESS,
  SNIFFER_DESTINATION_MAC,
  SNIFFER_FLAGS,
  SNIFFER_IPV6,
  SNIFFER_OWN_SOURCE,
  SNIFFER_SOURCE_MAC,
  SNIFFER_VLAN,
} from "../memory/layout";
import { difference, update } from "../wire/checksum";
import * as etherTypes from "../wire/ether-type";
import * as ethernet from "../wire/ethernet";
import * as protocols from "../wire/ip-protocol";
import * as ipv4 from "../wire/ipv4";
import * as ipv6 from "../wire/ipv6";
import * as vlan from "../wire/vlan";
import { etherType, innerNetwork } from "./link";
import { afterExtensions, isLaterFragment, isRerouted, upperProtocol } from "./upper";

/** Bytes that a frame grows by towards its front. */
export function segmentHeadroom(sniffer: usize): u32 {
  return load<u16>(sniffer, SNIFFER_VLAN) == 0 ? 0 : <u32>vlan.HEADER_LEN;
}

/** Addresses the frame at `frame`, of which there are 14 bytes at least, to the sniffer. Gives where it begins now. */
export function rewriteMac(sniffer: usize, frame: usize): usize {
  const tag = load<u16>(sniffer, SNIFFER_VLAN);
  if (tag != 0) frame = vlan.insert(frame, tag);
  ethernet.putMac(frame + ethernet.DESTINATION, sniffer + SNIFFER_DESTINATION_MAC);
  if ((load<u16>(sniffer, SNIFFER_FLAGS) & SNIFFER_OWN_SOURCE) != 0) {
    ethernet.putMac(frame + ethernet.SOURCE, sniffer + SNIFFER_SOURCE_MAC);
  }
  return frame;
}

/** Gives the IP packet in the frame between `frame` and `end` the sniffer's address, if it is of that family. */
export function rewriteIp(sniffer: usize, frame: usize, end: usize): void {
  const ip = innerNetwork(frame, end);
  if (ip == 0) return;
  const isIpv6 = (load<u16>(sniffer, SNIFFER_FLAGS) & SNIFFER_IPV6) != 0;
  const address = sniffer + SNIFFER_ADDRESS;
  if (!isIpv6 && etherType() == etherTypes.IPV4) rewrite4(ip, end, address + 12);
  else if (isIpv6 && etherType() == etherTypes.IPV6) rewrite6(ip, end, address);
}

function rewrite4(ip: usize, end: usize, address: usize): void {
  if (!ipv4.fits(ip, end) || ipv4.version(ip) != 4 || ipv4.headerLength(ip) < <u32>ipv4.HEADER_LEN) return;
  const destination = ip + ipv4.DESTINATION;
  const change = difference(destination, address, 4);
  store<u32>(destination, load<u32>(address));
  update(ip + ipv4.CHECKSUM, change);
  if (ipv4.fragmentOffset(ip) != 0 || ipv4.isRerouted(ip, end)) return;
  updateUpper(ip + ipv4.headerLength(ip), ipv4.packetEnd(ip, end), ipv4.protocol(ip), change, false);
}

function rewrite6(ip: usize, end: usize, address: usize): void {
  if (!ipv6.fits(ip, end) || ipv6.version(ip) != 6) return;
  const destination = ip + ipv6.DESTINATION;
  const change = difference(destination, address, 16);
  v128.store(destination, v128.load(address));
  const packetEnd = ipv6.packetEnd(ip, end);
  const upper = afterExtensions(ip, packetEnd, false);
  if (isLaterFragment() || isRerouted()) return;
  updateUpper(upper, packetEnd, upperProtocol(), change, true);
}

/** The checksum of the upper layer, whose pseudo header has the destination address. */
function updateUpper(header: usize, end: usize, protocol: u32, change: u32, isIpv6: bool): void {
  const offset = protocols.checksumOffset(protocol, isIpv6);
  const field = header + offset;
  if (offset == protocols.NO_CHECKSUM || field + 2 > end) return;
  const zeroMeansNone = protocol == protocols.UDP || protocol == protocols.UDP_LITE;
  if (zeroMeansNone && load<u16>(field) == 0) return;
  if (update(field, change) == 0 && zeroMeansNone) store<u16>(field, 0xffff); // RFC 768, RFC 3828 3.1
}
