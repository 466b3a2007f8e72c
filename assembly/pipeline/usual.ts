// The usual packets: Ethernet with one tag at most, IPv4 without options and unfragmented, ERSPAN I after bare GRE, II or III after
// GRE with S alone, or VXLAN, nothing cut and nothing to restore. Fixed places, a vector at a time, no call; whatever is not so is
// left to the full parser, packet by packet, with equal results (test/engine runs both).

import { Encapsulation } from "../encapsulation";
import { hashWords } from "../memory/hash";
import {
  BARE,
  CAPTURED,
  CONFIG_DEPTH,
  CONFIG_FLAGS,
  CONFIG_RESTORE_VLAN,
  DESCRIPTOR,
  DESTINATION,
  DIRECTION_IN,
  ENCAPSULATION,
  END,
  FLAG_FULL_PARSER,
  FLAG_TRACE,
  FLAG_VERIFY,
  FRAME,
  GRANULARITY,
  HAS,
  HAS_ID,
  HAS_MIRROR,
  HAS_SEQUENCE,
  ID,
  INNER,
  INNER_CAPTURED,
  INNER_ORIGINAL,
  INNER_TYPE,
  LINK_TYPE,
  MIRROR,
  NO_VLAN,
  NONE,
  PORTS,
  PROBE,
  RESTORE_ALWAYS,
  RESTORE_AUTO,
  SEQUENCE,
  SESSION,
  SESSION_HAS_ID,
  SOURCE,
  TAG,
  TENANT,
  TIME,
  VERDICT,
} from "../memory/layout";
import { get16, get24, get32 } from "../wire/bytes";
import * as erspan2 from "../wire/erspan2";
import * as erspan3 from "../wire/erspan3";
import * as ethernet from "../wire/ethernet";
import * as gre from "../wire/gre";
import * as protocols from "../wire/ip-protocol";
import * as ipv4 from "../wire/ipv4";
import * as linkTypes from "../wire/link-type";
import * as udp from "../wire/udp";
import * as vlan from "../wire/vlan";
import * as vxlan from "../wire/vxlan";

const IP: usize = ethernet.HEADER_LEN;
const CARRIED: usize = IP + ipv4.HEADER_LEN;
const ERSPAN: usize = CARRIED + gre.HEADER_LEN + 4; // behind the sequence number
const TYPE_ONE: usize = CARRIED + gre.HEADER_LEN;
const TYPE_TWO: usize = ERSPAN + erspan2.HEADER_LEN;
const TYPE_THREE: usize = ERSPAN + erspan3.HEADER_LEN;
const VXLAN: usize = CARRIED + udp.HEADER_LEN;
const INNER_OF_VXLAN: usize = VXLAN + vxlan.HEADER_LEN;
/** Every header of any of them is in a frame as long as this, behind a tag too. */
const LEAST: u32 = 68;

// As loads of the machine's byte order see them.
const ETHERTYPE_AND_VERSION: u32 = 0x45_00_08; // 08 00 45
const ETHERTYPE_VLAN: u32 = 0x0081; // 81 00
const FRAGMENT_BITS: u32 = 0xff3f; // of the word at FLAGS_OFFSET: MF and offset
const GRE_TYPE_ONE: u32 = 0xbe88_0000; // 00 00 88 be
const GRE_TYPE_TWO: u32 = 0xbe88_0010; // 10 00 88 be
const GRE_TYPE_THREE: u32 = 0xeb22_0010; // 10 00 22 eb
const GOOD_SUM: u32 = 0xffff;
const LAYERS_ONE: u32 = 0x100; // VERDICT, LAYERS, RULE, ENDPOINTS

/** Whether packets may go this way at all. */
export function isUsualWayOpen(): bool {
  return load<u32>(CONFIG_DEPTH) == 1 && (load<u32>(CONFIG_FLAGS) & (FLAG_TRACE | FLAG_FULL_PARSER)) == 0;
}

/** Parses descriptors from `d` to `end`, up to the first that is not usual or whose time is not from `earliest` to `deadline`. Gives where it stopped. */
export function parseUsual(d: usize, end: usize, earliest: u64, deadline: u64): usize {
  const verifies = (load<u32>(CONFIG_FLAGS) & FLAG_VERIFY) != 0;
  const restore = load<u32>(CONFIG_RESTORE_VLAN);
  for (; d < end; d += DESCRIPTOR) {
    let frame = <usize>load<u32>(d, FRAME);
    let captured = load<u32>(d, CAPTURED);
    let outerVlan: u32 = NO_VLAN;
    if (captured < LEAST) break;
    if (load<u32>(d, LINK_TYPE) != linkTypes.ETHERNET) break;
    if (load<u64>(d, TIME) - earliest > deadline - earliest) break;
    if (<u32>load<u16>(frame + ethernet.TYPE) == ETHERTYPE_VLAN) {
      outerVlan = get16(frame + ethernet.HEADER_LEN) & 0xfff;
      frame += vlan.HEADER_LEN;
      captured -= <u32>vlan.HEADER_LEN;
    }
    if ((load<u32>(frame + ethernet.TYPE) & 0xffffff) != ETHERTYPE_AND_VERSION) break;
    if ((<u32>load<u16>(frame + IP + ipv4.FLAGS_OFFSET) & FRAGMENT_BITS) != 0) break;
    if (verifies) {
      if (headerSum(frame + IP) != GOOD_SUM) break;
    }

    const protocol = <u32>load<u8>(frame + IP + ipv4.PROTOCOL);
    let declared = <u32>IP + get16(frame + IP + ipv4.TOTAL_LENGTH);
    let inner: u32 = 0;
    let has: u32 = HAS_ID | HAS_SEQUENCE;
    let id: u32 = 0;
    let kind: u32 = 0; // ENCAPSULATION, DIRECTION, HARDWARE_ID, ERSPAN_TYPE
    let tag: u32 = 0;
    if (protocol == protocols.GRE) {
      const word = load<u32>(frame + CARRIED);
      if (word == GRE_TYPE_ONE) {
        inner = <u32>TYPE_ONE;
        has = 0;
        kind = Encapsulation.Erspan | (1 << 24);
      } else {
        const first = get32(frame + ERSPAN); // version:4 vlan:12 cos:3 by type:2 t:1 session:10
        const vlanId = (first >> 16) & 0xfff;
        if ((first & 0x400) != 0) break;
        id = first & 0x3ff;
        tag = (first & 0xe000) | vlanId;
        if (word == GRE_TYPE_TWO) {
          if (first >> 28 != erspan2.VERSION) break;
          if (vlanId != 0) {
            if (restore == RESTORE_ALWAYS) break;
            // En 1 and 2: the frame was tagged and is not; 0 and 3 have their two bits alike.
            if (restore == RESTORE_AUTO) {
              if ((((first >> 12) ^ (first >> 11)) & 1) != 0) break;
            }
          }
          inner = <u32>TYPE_TWO;
          kind = Encapsulation.Erspan | (2 << 24);
        } else if (word == GRE_TYPE_THREE) {
          if (first >> 28 != erspan3.VERSION) break;
          const flags = get16(frame + ERSPAN + erspan3.FLAGS); // p:1 ft:5 hw:6 d:1 gra:2 o:1
          if ((flags & 0x7c01) != 0) break;
          if (restore == RESTORE_ALWAYS) {
            if (vlanId != 0) break;
          }
          inner = <u32>TYPE_THREE;
          has |= HAS_MIRROR;
          const direction: u32 = DIRECTION_IN + ((flags >> 3) & 1);
          kind = Encapsulation.Erspan | (direction << 8) | (((flags >> 4) & 0x3f) << 16) | (3 << 24);
          store<u64>(d, get32(frame + ERSPAN + erspan3.TIMESTAMP), MIRROR);
          store<u8>(d, <u8>((flags >> 1) & 3), GRANULARITY);
        } else break;
        store<u32>(d, get32(frame + CARRIED + gre.HEADER_LEN), SEQUENCE);
      }
    } else if (protocol == protocols.UDP) {
      const port = get16(frame + CARRIED + udp.DESTINATION_PORT);
      if (load<u8>(PORTS + port) != Encapsulation.Vxlan) break;
      if ((load<u8>(frame + VXLAN) & vxlan.FLAG_I) == 0) break;
      const length = get16(frame + CARRIED + udp.LENGTH);
      if (length != 0) {
        if (length < <u32>(udp.HEADER_LEN + vxlan.HEADER_LEN)) break;
        declared = min<u32>(declared, <u32>CARRIED + length);
      }
      inner = <u32>INNER_OF_VXLAN;
      has = HAS_ID;
      id = get24(frame + VXLAN + vxlan.VNI);
      kind = Encapsulation.Vxlan;
    } else break;
    if (declared < inner) break;

    const length = min<u32>(captured, declared);
    const bare = <u32>frame + inner;
    store<u32>(d, LAYERS_ONE, VERDICT);
    store<u32>(d, bare, INNER);
    store<u32>(d, length - inner, INNER_CAPTURED);
    store<u32>(d, declared - inner, INNER_ORIGINAL);
    store<u32>(d, bare, BARE);
    store<u32>(d, <u32>frame + length, END);
    store<u16>(d, 0, INNER_TYPE);
    const addresses = v128.load(frame + IP + ipv4.SOURCE);
    v128.store(d, mapped(addresses), SOURCE);
    v128.store(d, mapped(v128.shr<i64>(addresses, 32)), DESTINATION);
    store<u32>(d, has, HAS);
    store<u32>(d, id, ID);
    store<u32>(d, NONE, SESSION);
    store<u32>(d, kind, ENCAPSULATION);
    store<u32>(d, tag | (outerVlan << 16), TAG);
    store<i64>(d, -1, TENANT); // and claim
    const source = ((<u64>load<u32>(frame + IP + ipv4.SOURCE)) << 32) | 0xffff0000;
    const destination = ((<u64>load<u32>(frame + IP + ipv4.DESTINATION)) << 32) | 0xffff0000;
    store<u32>(
      d,
      hashWords((kind & 0xff) | ((has & HAS_ID) * (SESSION_HAS_ID / HAS_ID)), id, 0, source, 0, destination),
      PROBE,
    );
  }
  return d;
}

/** ::ffff:a.b.c.d of the address in the lowest lane. */
function mapped(address: v128): v128 {
  return i8x16.shuffle(
    address,
    i32x4(-1, 0, 0, 0),
    20,
    20,
    20,
    20,
    20,
    20,
    20,
    20,
    20,
    20,
    16,
    16,
    0,
    1,
    2,
    3,
  );
}

/** Ones' complement sum of a header of 20 bytes. */
function headerSum(header: usize): u32 {
  const words = i32x4.add(
    i32x4.extadd_pairwise_i16x8_u(v128.load(header)),
    i32x4.extadd_pairwise_i16x8_u(v128.load_zero<u32>(header + 16)),
  );
  const halves = i32x4.add(words, v128.shr<i64>(words, 32));
  const total = <u32>i32x4.extract_lane(halves, 0) + <u32>i32x4.extract_lane(halves, 2);
  return (total & 0xffff) + (total >> 16);
}
