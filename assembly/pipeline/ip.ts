// From a network header to what IP carries: bounds, checksum, extension headers, fragments. The declared length of the
// packet (which may be more than was captured, or less than the frame with its padding) goes into END and DECLARED.

import { Header } from "../header";
import {
  CONFIG_FLAGS,
  DECLARED,
  DESTINATION,
  END,
  FLAG_VERIFY,
  HAS,
  HAS_IPV6,
  SOURCE,
} from "../memory/layout";
import { Verdict } from "../verdict";
import * as etherTypes from "../wire/ether-type";
import * as protocols from "../wire/ip-protocol";
import * as ipv4 from "../wire/ipv4";
import * as ipv6 from "../wire/ipv6";
import { firstNextHeader, fragment4, fragment6 } from "./reassemble";
import { isVerdict } from "./step";
import { trace } from "./trace";

let carried: u32 = 0;
let checksumHeader: usize = 0;

/** IP protocol of what the last step led to. */
export function ipProtocol(): u32 {
  return carried;
}

/** Cuts the present layer at `end`, as its header declares. */
export function declare(d: usize, end: u64): void {
  store<u64>(d, end, DECLARED);
  if (<u64>load<u32>(d, END) > end) store<u32>(d, <u32>end, END);
}

export function outerIp(d: usize, p: usize, etherType: u32): usize {
  if (etherType == etherTypes.IPV4) return outerIpv4(d, p);
  store<u32>(d, load<u32>(d, HAS) | HAS_IPV6, HAS);
  return outerIpv6(d, p);
}

function outerIpv4(d: usize, p: usize): usize {
  const bad = ipv4Header(d, p);
  if (bad != 0) return bad;
  if ((load<u32>(CONFIG_FLAGS) & FLAG_VERIFY) != 0 && !ipv4.checksumIsGood(p)) return Verdict.BadChecksum;
  const payload = ipv4Payload(d, p);
  if (isVerdict(payload)) return payload;
  if (!protocols.isCarrier(carried)) return Verdict.NotTunnel;
  ipv4.mapped(p + ipv4.SOURCE, d + SOURCE);
  ipv4.mapped(p + ipv4.DESTINATION, d + DESTINATION);
  if (ipv4.isFragment(p)) return fragment4(d, p, payload);
  return payload;
}

function ipv4Header(d: usize, p: usize): u32 {
  const end = <usize>load<u32>(d, END);
  if (!ipv4.fits(p, end)) return Verdict.Truncated;
  if (ipv4.version(p) != 4) return Verdict.UnsupportedVersion;
  const length = ipv4.headerLength(p);
  if (length < <u32>ipv4.HEADER_LEN || p + length > end) return Verdict.Truncated;
  trace(Header.Ipv4, p, length);
  return 0;
}

function ipv4Payload(d: usize, p: usize): usize {
  const header = ipv4.headerLength(p);
  const total = ipv4.totalLength(p);
  if (total != 0) {
    if (total < header) return Verdict.Truncated;
    declare(d, <u64>p + total);
  }
  carried = ipv4.protocol(p);
  return p + header;
}

function outerIpv6(d: usize, p: usize): usize {
  if (!ipv6.fits(p, load<u32>(d, END))) return Verdict.Truncated;
  if (ipv6.version(p) != 6) return Verdict.UnsupportedVersion;
  trace(Header.Ipv6, p, ipv6.HEADER_LEN);
  memory.copy(d + SOURCE, p + ipv6.SOURCE, 16);
  memory.copy(d + DESTINATION, p + ipv6.DESTINATION, 16);
  declareIpv6(d, p);
  const next = extensions(d, p + ipv6.HEADER_LEN, ipv6.nextHeader(p));
  if (isVerdict(next) || carried != protocols.FRAGMENT) return next;
  if (!ipv6.fragmentFits(next, load<u32>(d, END))) return Verdict.Truncated;
  trace(Header.Fragment, next, ipv6.FRAGMENT_LEN);
  const first = ipv6.extensionNext(next);
  const data = next + ipv6.FRAGMENT_LEN;
  if (ipv6.isAtomic(next)) return carrierAfter(d, data, first);
  if (!protocols.isCarrier(first) && !protocols.isExtension(first)) return Verdict.NotTunnel;
  const whole = fragment6(d, next, data);
  if (isVerdict(whole)) return whole;
  return carrierAfter(d, whole, firstNextHeader());
}

/** Extension headers behind a fragment header, which must lead to a carrier. */
function carrierAfter(d: usize, p: usize, next: u32): usize {
  p = extensions(d, p, next);
  if (isVerdict(p)) return p;
  return carried == protocols.FRAGMENT ? <usize>Verdict.NotTunnel : p;
}

function declareIpv6(d: usize, p: usize): void {
  const length = ipv6.payloadLength(p);
  const end = <usize>load<u32>(d, END);
  if (length != 0) {
    declare(d, <u64>p + ipv6.HEADER_LEN + length);
    return;
  }
  const option = p + ipv6.HEADER_LEN;
  if (ipv6.nextHeader(p) != protocols.HOP_BY_HOP || !ipv6.extensionFits(option, end)) return;
  const jumbo = ipv6.jumboLength(option);
  if (jumbo != 0) declare(d, <u64>p + ipv6.HEADER_LEN + jumbo);
}

/** Walks extension headers to a carrier or a fragment header, which `ipProtocol` then names; anything else is no tunnel. */
function extensions(d: usize, p: usize, next: u32): usize {
  const end = <usize>load<u32>(d, END);
  while (protocols.isExtension(next)) {
    if (!ipv6.extensionFits(p, end)) return Verdict.Truncated;
    const length = ipv6.extensionLength(p);
    trace(
      next == protocols.HOP_BY_HOP
        ? Header.HopByHop
        : next == protocols.ROUTING
          ? Header.Routing
          : Header.DestinationOptions,
      p,
      length,
    );
    next = ipv6.extensionNext(p);
    p += length;
  }
  carried = next;
  return protocols.isCarrier(next) || next == protocols.FRAGMENT ? p : Verdict.NotTunnel;
}

/** IP inside a decoded frame, perhaps a further tunnel: a verdict when it cannot be read, or is a fragment. */
export function innerIp(d: usize, p: usize, etherType: u32): usize {
  checksumHeader = 0;
  if (etherType == etherTypes.IPV4) {
    if (ipv4Header(d, p) != 0 || ipv4.isFragment(p)) return Verdict.NotTunnel;
    checksumHeader = p;
    const payload = ipv4Payload(d, p);
    return isVerdict(payload) || !protocols.isCarrier(carried) ? <usize>Verdict.NotTunnel : payload;
  }
  if (!ipv6.fits(p, load<u32>(d, END)) || ipv6.version(p) != 6) return Verdict.NotTunnel;
  trace(Header.Ipv6, p, ipv6.HEADER_LEN);
  declareIpv6(d, p);
  const next = extensions(d, p + ipv6.HEADER_LEN, ipv6.nextHeader(p));
  if (isVerdict(next) || carried != protocols.FRAGMENT) return next;
  return ipv6.fragmentFits(next, load<u32>(d, END)) && ipv6.isAtomic(next)
    ? carrierAfter(d, next + ipv6.FRAGMENT_LEN, ipv6.extensionNext(next))
    : <usize>Verdict.NotTunnel;
}

/** The checksum of the inner IPv4 header that `innerIp` passed, asked once a tunnel is recognised behind it. */
export function innerChecksumIsGood(): bool {
  return (
    checksumHeader == 0 || (load<u32>(CONFIG_FLAGS) & FLAG_VERIFY) == 0 || ipv4.checksumIsGood(checksumHeader)
  );
}
