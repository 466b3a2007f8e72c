// From a frame's first byte to its network header: link type, VLAN tags.

import { Header } from "../header";
import { CAPTURED, END, FRAME, LINK_TYPE, NO_VLAN, OUTER_VLAN } from "../memory/layout";
import { Verdict } from "../verdict";
import * as etherTypes from "../wire/ether-type";
import * as ethernet from "../wire/ethernet";
import * as linkTypes from "../wire/link-type";
import * as sll from "../wire/sll";
import * as vlan from "../wire/vlan";
import { isVerdict } from "./step";
import { trace } from "./trace";

let protocol: u32 = 0;
let firstVid: u32 = NO_VLAN;

/** EtherType of the network header that the last step led to. */
export function etherType(): u32 {
  return protocol;
}

export function setEtherType(type: u32): void {
  protocol = type;
}

/** The outermost frame: gives the network header, notes the outer VLAN. */
export function outerLink(d: usize): usize {
  const frame = <usize>load<u32>(d, FRAME);
  const end = <usize>load<u32>(d, END);
  const linkType = load<u32>(d, LINK_TYPE);
  if (linkType == linkTypes.ETHERNET) {
    const network = ethernetPayload(frame, end);
    store<u16>(d, <u16>firstVid, OUTER_VLAN);
    return network;
  }
  return otherLink(d, frame, end, linkType);
}

function otherLink(d: usize, frame: usize, end: usize, linkType: u32): usize {
  if (linkType == linkTypes.SLL) {
    if (!sll.fits(frame, end)) return Verdict.Truncated;
    trace(Header.Sll, frame, sll.HEADER_LEN);
    const network = skipTags(frame + sll.HEADER_LEN, end, sll.protocol(frame));
    store<u16>(d, <u16>firstVid, OUTER_VLAN);
    return network;
  }
  if (linkType == linkTypes.SLL2) {
    if (!sll.fits2(frame, end)) return Verdict.Truncated;
    trace(Header.Sll2, frame, sll.HEADER_LEN_2);
    const network = skipTags(frame + sll.HEADER_LEN_2, end, sll.protocol2(frame));
    store<u16>(d, <u16>firstVid, OUTER_VLAN);
    return network;
  }
  const anyVersion =
    linkType == linkTypes.RAW || linkType == linkTypes.RAW_BSD || linkType == linkTypes.RAW_OPENBSD;
  if (!anyVersion && linkType != linkTypes.IPV4 && linkType != linkTypes.IPV6) return Verdict.NotTunnel;
  if (load<u32>(d, CAPTURED) == 0) return Verdict.Truncated;
  if (linkType == linkTypes.IPV4) protocol = etherTypes.IPV4;
  else if (linkType == linkTypes.IPV6) protocol = etherTypes.IPV6;
  else {
    protocol = ipEtherType(frame);
    if (protocol == 0) return Verdict.UnsupportedVersion;
  }
  return frame;
}

/** EtherType by the version nibble at `ip`, 0 when it is neither version. */
export function ipEtherType(ip: usize): u32 {
  const version = load<u8>(ip) >> 4;
  return version == 4 ? etherTypes.IPV4 : version == 6 ? etherTypes.IPV6 : 0;
}

/** Ethernet header and up to two tags at `frame`: gives what follows, sets `etherType`. */
function ethernetPayload(frame: usize, end: usize): usize {
  if (!ethernet.fits(frame, end)) return Verdict.Truncated;
  trace(Header.Ethernet, frame, ethernet.HEADER_LEN);
  return skipTags(frame + ethernet.HEADER_LEN, end, ethernet.type(frame));
}

function skipTags(p: usize, end: usize, type: u32): usize {
  firstVid = NO_VLAN;
  if (vlan.isTag(type)) {
    if (!vlan.fits(p, end)) return Verdict.Truncated;
    trace(Header.Vlan, p, vlan.HEADER_LEN);
    firstVid = vlan.vid(p);
    type = vlan.type(p);
    p += vlan.HEADER_LEN;
    if (vlan.isTag(type)) {
      if (!vlan.fits(p, end)) return Verdict.Truncated;
      trace(Header.Vlan, p, vlan.HEADER_LEN);
      type = vlan.type(p);
      p += vlan.HEADER_LEN;
    }
  }
  if (type != etherTypes.IPV4 && type != etherTypes.IPV6) {
    protocol = type;
    return Verdict.NotTunnel;
  }
  protocol = type;
  return p;
}

/** Network header of a decoded frame, for its addresses: any EtherType; 0 when it is not all there. */
export function innerNetwork(frame: usize, end: usize): usize {
  if (!ethernet.fits(frame, end)) return 0;
  let type = ethernet.type(frame);
  let p = frame + ethernet.HEADER_LEN;
  for (let tags = 0; tags < 2 && vlan.isTag(type); tags++) {
    if (!vlan.fits(p, end)) return 0;
    type = vlan.type(p);
    p += vlan.HEADER_LEN;
  }
  protocol = type;
  return p;
}

/** Network header of an inner frame that may hold a further tunnel; a verdict when it holds none that can be read. */
export function tunnelNetwork(frame: usize, end: usize): usize {
  const network = ethernetPayload(frame, end);
  return isVerdict(network) ? <usize>Verdict.NotTunnel : network;
}
