// The decoded frame: a synthetic Ethernet header before bare IP, the tag that ERSPAN took off, the original length. All in
// place, over tunnel headers that are no longer needed.

import { Header } from "../header";
import {
  BARE,
  CONFIG_RESTORE_VLAN,
  DECLARED,
  END,
  HAS,
  HAS_RESTORED,
  HAS_SYNTHETIC,
  HAS_TRUNCATED,
  INNER,
  INNER_CAPTURED,
  INNER_ORIGINAL,
  INNER_TYPE,
  RESTORE_ALWAYS,
  RESTORE_NEVER,
  TAG,
} from "../memory/layout";
import * as erspan2 from "../wire/erspan2";
import * as etherTypes from "../wire/ether-type";
import * as ethernet from "../wire/ethernet";
import * as ipv4 from "../wire/ipv4";
import * as ipv6 from "../wire/ipv6";
import * as vlan from "../wire/vlan";
import { etherType, innerNetwork, setEtherType } from "./link";
import { trace } from "./trace";
import { innerCos, innerCut, innerEn, innerErspanType, innerEtherType, innerVlan } from "./tunnel";

/** Notes what is left at `bare` when the last tunnel header is off: where the decoded frame will lie and how long it is. */
export function innerFrame(d: usize, bare: usize): void {
  const end = <usize>load<u32>(d, END);
  let has = load<u32>(d, HAS);
  let original = load<u64>(d, DECLARED) - <u64>bare;
  let inner = bare;
  trace(Header.InnerFrame, bare, end - bare);
  const type = innerEtherType();
  if (type != 0) {
    inner -= ethernet.HEADER_LEN;
    original += ethernet.HEADER_LEN;
    has |= HAS_SYNTHETIC;
  }
  if (innerCut()) {
    has |= HAS_TRUNCATED;
    const declared = <u64>declaredLength(bare, end);
    if (declared > original) original = declared;
  }
  if (wantsTag(bare, end)) {
    inner -= vlan.HEADER_LEN;
    original += vlan.HEADER_LEN;
    has |= HAS_RESTORED;
  }
  store<u32>(d, has, HAS);
  store<u16>(d, <u16>type, INNER_TYPE);
  store<u16>(d, innerErspanType() == 0 ? 0 : <u16>vlan.control(innerCos(), innerVlan()), TAG);
  store<u32>(d, <u32>bare, BARE);
  store<u32>(d, <u32>inner, INNER);
  store<u32>(d, <u32>(end - inner), INNER_CAPTURED);
  store<u32>(d, <u32>min<u64>(original, u32.MAX_VALUE), INNER_ORIGINAL);
}

/** Writes what `innerFrame` announced over the tunnel headers. Only for a packet that is delivered: others stay as they came. */
export function dress(d: usize): void {
  const has = load<u32>(d, HAS);
  if ((has & (HAS_SYNTHETIC | HAS_RESTORED)) == 0) return;
  let frame = <usize>load<u32>(d, BARE);
  if ((has & HAS_SYNTHETIC) != 0) {
    frame -= ethernet.HEADER_LEN;
    ethernet.putSynthetic(frame, load<u16>(d, INNER_TYPE));
  }
  if ((has & HAS_RESTORED) != 0) vlan.insert(frame, load<u16>(d, TAG));
}

/**
 * Network header of the decoded frame at `bare`, IP of `type` or (0) Ethernet, whose EtherType `etherType` then gives; 0
 * when it is not captured.
 */
export function innerNetworkHeader(bare: usize, end: usize, type: u32): usize {
  if (type == 0) return innerNetwork(bare, end);
  setEtherType(type);
  return bare;
}

/** Length of the decoded frame by its IP header, 0 when that does not tell. */
function declaredLength(bare: usize, end: usize): u32 {
  const ip = innerNetworkHeader(bare, end, innerEtherType());
  if (ip == 0) return 0;
  const before = innerEtherType() == 0 ? <u32>(ip - bare) : <u32>ethernet.HEADER_LEN;
  if (etherType() == etherTypes.IPV4) {
    if (!ipv4.fits(ip, end) || ipv4.version(ip) != 4 || ipv4.totalLength(ip) == 0) return 0;
    return before + ipv4.totalLength(ip);
  }
  if (etherType() != etherTypes.IPV6) return 0;
  if (!ipv6.fits(ip, end) || ipv6.version(ip) != 6 || ipv6.payloadLength(ip) == 0) return 0;
  return before + <u32>ipv6.HEADER_LEN + ipv6.payloadLength(ip);
}

/** Whether ERSPAN tells of a tag that the frame does not have. */
function wantsTag(bare: usize, end: usize): bool {
  const type = innerErspanType();
  const mode = load<u32>(CONFIG_RESTORE_VLAN);
  if (type == 0 || mode == RESTORE_NEVER || innerVlan() == 0) return false;
  if (mode != RESTORE_ALWAYS) {
    if (type != 2) return false;
    const en = innerEn();
    if (en != erspan2.EN_ISL && en != erspan2.EN_DOT1Q) return false;
  }
  return innerEtherType() == 0 && ethernet.fits(bare, end) && !vlan.isTag(ethernet.type(bare));
}
