// From what IP carries to the frame inside the tunnel: UDP ports, GRE, and every tunnel header. Of the outermost tunnel it
// notes the identity; of each layer, what the frame inside is and how ERSPAN says it was tagged and cut.

import { Counter } from "../counters";
import { Encapsulation } from "../encapsulation";
import { Header } from "../header";
import {
  CONFIG_FLAGS,
  CONFIG_GRE_COUNT,
  CONFIG_GRE_ETHERNET,
  DECLARED,
  DIRECTION,
  DIRECTION_IN,
  DIRECTION_OUT,
  DIRECTION_UNKNOWN,
  ENCAPSULATION,
  END,
  ERSPAN_TYPE,
  FLAG_LENIENT,
  FLAG_VERIFY,
  GRANULARITY,
  GRANULARITY_FULL,
  GRANULARITY_SECONDS,
  HARDWARE_ID,
  HAS,
  HAS_ID,
  HAS_MIRROR,
  HAS_NVGRE,
  HAS_SEQUENCE,
  ID,
  MIRROR,
  PORTS,
  SEQUENCE,
} from "../memory/layout";
import { add } from "../memory/worker";
import { Verdict } from "../verdict";
import { get32 } from "../wire/bytes";
import { sum } from "../wire/checksum";
import * as erspan from "../wire/erspan";
import * as erspan2 from "../wire/erspan2";
import * as erspan3 from "../wire/erspan3";
import * as etherTypes from "../wire/ether-type";
import * as geneve from "../wire/geneve";
import * as gre from "../wire/gre";
import * as hpErm from "../wire/hp-erm";
import * as protocols from "../wire/ip-protocol";
import * as tzsp from "../wire/tzsp";
import * as udp from "../wire/udp";
import * as vxlan from "../wire/vxlan";
import { declare } from "./ip";
import { ipEtherType } from "./link";
import { trace } from "./trace";

let frameType: u32 = 0;
let vlanId: u32 = 0;
let cos: u32 = 0;
let en: u32 = 0;
let erspanType: u32 = 0;
let cut: bool = false;

/** EtherType of the IP packet inside the last tunnel passed, 0 when an Ethernet frame is inside. */
export function innerEtherType(): u32 {
  return frameType;
}
/** ERSPAN type of the last tunnel passed, 0 when it is not ERSPAN with a header. */
export function innerErspanType(): u32 {
  return erspanType;
}
export function innerVlan(): u32 {
  return vlanId;
}
export function innerCos(): u32 {
  return cos;
}
export function innerEn(): u32 {
  return en;
}
/** T: the mirror cut the frame short. */
export function innerCut(): bool {
  return cut;
}

/** Passes the tunnel headers at `p`, carried by IP protocol `protocol`: gives the inner frame. */
export function tunnel(d: usize, p: usize, protocol: u32, outermost: bool): usize {
  frameType = 0;
  erspanType = 0;
  cut = false;
  if (protocol == protocols.GRE) return greTunnel(d, p, outermost);
  const end = <usize>load<u32>(d, END);
  if (!udp.fits(p, end)) return Verdict.Truncated;
  const encapsulation = portEncapsulation(p);
  if (encapsulation == Encapsulation.None) return Verdict.NotTunnel;
  trace(Header.Udp, p, udp.HEADER_LEN);
  const length = udp.length(p);
  if (length != 0) {
    if (length < <u32>udp.HEADER_LEN) return Verdict.Truncated;
    if (<u64>p + length <= load<u64>(d, DECLARED)) declare(d, <u64>p + length);
  }
  return udpTunnel(d, p + udp.HEADER_LEN, encapsulation, outermost);
}

/** What the destination port of the UDP header at `p` stands for. */
export function portEncapsulation(p: usize): u32 {
  return load<u8>(PORTS + udp.destinationPort(p));
}

function udpTunnel(d: usize, p: usize, encapsulation: u32, outermost: bool): usize {
  const end = <usize>load<u32>(d, END);
  switch (encapsulation) {
    case Encapsulation.Vxlan: {
      if (!vxlan.fits(p, end)) return Verdict.Truncated;
      if ((vxlan.flags(p) & vxlan.FLAG_I) == 0) return Verdict.BadFlags;
      trace(Header.Vxlan, p, vxlan.HEADER_LEN);
      identify(d, encapsulation, HAS_ID, vxlan.vni(p), outermost);
      return p + vxlan.HEADER_LEN;
    }
    case Encapsulation.VxlanGpe:
      return vxlanGpe(d, p, end, outermost);
    case Encapsulation.Geneve:
      return geneveTunnel(d, p, end, outermost);
    case Encapsulation.Tzsp: {
      if (!tzsp.fits(p, end)) return Verdict.Truncated;
      if (tzsp.version(p) != tzsp.VERSION_1) return Verdict.UnsupportedVersion;
      if (!tzsp.carriesPacket(p) || tzsp.protocol(p) != tzsp.PROTOCOL_ETHERNET)
        return Verdict.UnsupportedPayload;
      const frame = tzsp.skipTags(p + tzsp.HEADER_LEN, end);
      if (frame == 0 || frame > end) return Verdict.Truncated;
      trace(Header.Tzsp, p, frame - p);
      identify(d, encapsulation, 0, 0, outermost);
      return frame;
    }
    case Encapsulation.HpErm: {
      if (!hpErm.fits(p, end)) return Verdict.Truncated;
      trace(Header.HpErm, p, hpErm.HEADER_LEN);
      identify(d, encapsulation, 0, 0, outermost);
      return p + hpErm.HEADER_LEN;
    }
    default:
      return greTunnel(d, p, outermost);
  }
}

function identify(d: usize, encapsulation: u32, has: u32, id: u32, outermost: bool): void {
  if (!outermost) return;
  store<u8>(d, <u8>encapsulation, ENCAPSULATION);
  store<u32>(d, load<u32>(d, HAS) | has, HAS);
  store<u32>(d, id, ID);
}

function vxlanGpe(d: usize, p: usize, end: usize, outermost: bool): usize {
  if (!vxlan.fits(p, end)) return Verdict.Truncated;
  const flags = vxlan.flags(p);
  if ((flags & vxlan.FLAG_VERSION) != 0) return Verdict.UnsupportedVersion;
  if ((flags & vxlan.FLAG_I) == 0) return Verdict.BadFlags;
  trace(Header.VxlanGpe, p, vxlan.HEADER_LEN);
  if ((flags & vxlan.FLAG_O) != 0) return Verdict.UnsupportedPayload;
  if ((flags & vxlan.FLAG_P) != 0) {
    const next = vxlan.nextProtocol(p);
    if (next == vxlan.NEXT_IPV4) frameType = etherTypes.IPV4;
    else if (next == vxlan.NEXT_IPV6) frameType = etherTypes.IPV6;
    else if (next != vxlan.NEXT_ETHERNET) return Verdict.UnsupportedPayload;
  }
  identify(d, Encapsulation.VxlanGpe, HAS_ID, vxlan.vni(p), outermost);
  return p + vxlan.HEADER_LEN;
}

function geneveTunnel(d: usize, p: usize, end: usize, outermost: bool): usize {
  if (!geneve.fits(p, end)) return Verdict.Truncated;
  if (geneve.version(p) != 0) return Verdict.UnsupportedVersion;
  const options = p + geneve.HEADER_LEN;
  const frame = options + geneve.optionsLength(p);
  if (frame > end) return Verdict.Truncated;
  trace(Header.Geneve, p, frame - p);
  if (geneve.isControl(p)) return Verdict.UnsupportedPayload;
  const walked = geneve.walkOptions(options, frame);
  if (walked == geneve.OPTIONS_OVERRUN) return Verdict.Truncated;
  if (walked == geneve.OPTIONS_CRITICAL) {
    if ((load<u32>(CONFIG_FLAGS) & FLAG_LENIENT) == 0) return Verdict.CriticalOption;
    add(Counter.CriticalOptions, 1);
  }
  const protocol = geneve.protocol(p);
  if (protocol == etherTypes.IPV4 || protocol == etherTypes.IPV6) frameType = protocol;
  else if (protocol != etherTypes.TRANSPARENT_ETHERNET) return Verdict.UnsupportedPayload;
  identify(d, Encapsulation.Geneve, HAS_ID, geneve.vni(p), outermost);
  return frame;
}

function greTunnel(d: usize, p: usize, outermost: bool): usize {
  const end = <usize>load<u32>(d, END);
  if (!gre.fits(p, end)) return Verdict.Truncated;
  const flags = gre.flags(p);
  if (gre.version(flags) != 0) return Verdict.UnsupportedVersion;
  let payload = gre.fieldsEnd(p, flags);
  if (payload > end) return Verdict.Truncated;
  if ((flags & gre.R) != 0) {
    payload = gre.skipRoutes(payload, end);
    if (payload == 0 || payload > end) return Verdict.Truncated;
  }
  trace(Header.Gre, p, payload - p);
  if ((flags & gre.C) != 0 && !greChecksumIsGood(d, p, end)) return Verdict.BadChecksum;
  if (outermost && (flags & gre.S) != 0) {
    store<u32>(d, load<u32>(d, HAS) | HAS_SEQUENCE, HAS);
    store<u32>(d, get32(gre.sequence(p, flags)), SEQUENCE);
  }
  const protocol = gre.protocol(p);
  if (protocol == etherTypes.ERSPAN2) {
    return (flags & gre.S) != 0 ? typeTwo(d, payload, end, outermost) : typeOne(d, payload, outermost);
  }
  if (protocol == etherTypes.ERSPAN3) return typeThree(d, payload, end, outermost);
  return grePayload(d, p, payload, flags, protocol, outermost);
}

function greChecksumIsGood(d: usize, p: usize, end: usize): bool {
  if ((load<u32>(CONFIG_FLAGS) & FLAG_VERIFY) == 0) return true;
  if (load<u64>(d, DECLARED) > <u64>end) {
    add(Counter.ChecksumUnverifiable, 1);
    return true;
  }
  return sum(p, end - p) == 0xffff;
}

function grePayload(d: usize, p: usize, payload: usize, flags: u32, protocol: u32, outermost: bool): usize {
  let has: u32 = 0;
  if (protocol == etherTypes.IPV4 || protocol == etherTypes.IPV6) frameType = protocol;
  else if (!carriesEthernet(protocol)) return Verdict.UnsupportedPayload;
  else if ((flags & (gre.K | gre.C | gre.S)) == gre.K) has = HAS_NVGRE;
  if ((flags & gre.K) != 0) identify(d, Encapsulation.Gre, has | HAS_ID, get32(gre.key(p, flags)), outermost);
  else identify(d, Encapsulation.Gre, 0, 0, outermost);
  return payload;
}

function carriesEthernet(protocol: u32): bool {
  if (protocol == etherTypes.TRANSPARENT_ETHERNET) return true;
  const count = load<u32>(CONFIG_GRE_COUNT);
  for (let i: u32 = 0; i < count; i++) {
    if (load<u16>(CONFIG_GRE_ETHERNET + (i << 1)) == protocol) return true;
  }
  return false;
}

function typeOne(d: usize, payload: usize, outermost: bool): usize {
  identify(d, Encapsulation.Erspan, 0, 0, outermost);
  if (outermost) store<u8>(d, 1, ERSPAN_TYPE);
  return payload;
}

function typeTwo(d: usize, p: usize, end: usize, outermost: bool): usize {
  if (!erspan2.fits(p, end)) return Verdict.Truncated;
  if (erspan.version(p) != erspan2.VERSION) return Verdict.UnsupportedVersion;
  trace(Header.Erspan2, p, erspan2.HEADER_LEN);
  identify(d, Encapsulation.Erspan, HAS_ID, erspan.session(p), outermost);
  if (outermost) store<u8>(d, 2, ERSPAN_TYPE);
  erspanType = 2;
  vlanId = erspan.vlan(p);
  cos = erspan.cos(p);
  en = erspan2.en(p);
  cut = erspan.truncated(p);
  return p + erspan2.HEADER_LEN;
}

function typeThree(d: usize, p: usize, end: usize, outermost: bool): usize {
  if (!erspan3.fits(p, end)) return Verdict.Truncated;
  if (erspan.version(p) != erspan3.VERSION) return Verdict.UnsupportedVersion;
  trace(Header.Erspan3, p, erspan3.HEADER_LEN);
  let frame = p + erspan3.HEADER_LEN;
  if (erspan3.hasPlatform(p)) {
    if (!erspan3.platformFits(frame, end)) return Verdict.Truncated;
    trace(Header.ErspanPlatform, frame, erspan3.PLATFORM_LEN);
    frame += erspan3.PLATFORM_LEN;
  }
  if (erspan3.frameType(p) == erspan3.FT_IP) {
    if (frame == end) return Verdict.Truncated;
    frameType = ipEtherType(frame);
    if (frameType == 0) return Verdict.UnsupportedPayload;
  } else if (erspan3.frameType(p) != erspan3.FT_ETHERNET) {
    return Verdict.UnsupportedPayload;
  }
  identify(d, Encapsulation.Erspan, HAS_ID, erspan.session(p), outermost);
  if (outermost) store<u8>(d, 3, ERSPAN_TYPE);
  if (load<u8>(d, DIRECTION) == DIRECTION_UNKNOWN) observe(d, p);
  erspanType = 3;
  vlanId = erspan.vlan(p);
  cos = erspan.cos(p);
  cut = erspan.truncated(p);
  return frame;
}

/** What the outermost ERSPAN III header says of where and when the frame was seen. */
function observe(d: usize, p: usize): void {
  store<u8>(d, erspan3.direction(p) == 0 ? DIRECTION_IN : DIRECTION_OUT, DIRECTION);
  store<u8>(d, <u8>erspan3.hardwareId(p), HARDWARE_ID);
  store<u32>(d, load<u32>(d, HAS) | HAS_MIRROR, HAS);
  const timestamp = <u64>erspan3.timestamp(p);
  const granularity = erspan3.granularity(p);
  store<u64>(d, timestamp, MIRROR);
  store<u8>(d, <u8>granularity, GRANULARITY);
  if (!erspan3.hasPlatform(p)) return;
  const platform = p + erspan3.HEADER_LEN;
  const id = erspan3.platformId(platform);
  const low = <u64>erspan3.platformLow(platform);
  if (granularity == 3 && id == 3) {
    store<u64>(d, (low << 32) | timestamp, MIRROR);
    store<u8>(d, GRANULARITY_FULL, GRANULARITY);
  } else if (granularity == 2 && (id == 5 || id == 6)) {
    store<u64>(d, low * 1_000_000_000 + timestamp, MIRROR);
    store<u8>(d, GRANULARITY_SECONDS, GRANULARITY);
  }
}
