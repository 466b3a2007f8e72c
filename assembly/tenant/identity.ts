// Who claims a tunnel: one probe a shape, most specific first (exact source, longer prefix, any; then id; then VLAN).

import { Encapsulation } from "../encapsulation";
import {
  BITS_ENCAPSULATION,
  BITS_FAMILY,
  BITS_HAS_ID,
  BITS_VLAN,
  ENCAPSULATION,
  FAMILY_ANY,
  FAMILY_IPV4,
  FAMILY_IPV6,
  HAS,
  HAS_ID,
  HAS_IPV6,
  HAS_NVGRE,
  ID,
  KEY_BITS,
  KEY_HIGH,
  KEY_LOW,
  KEY_WORD,
  KIND_IDENTITY,
  MAP_IDENTITY_SHAPE_COUNT,
  MAP_IDENTITY_SHAPES,
  NO_VLAN,
  OUTER_VLAN,
  SHAPE_BITS,
  SHAPE_FLAGS,
  SHAPE_MASK,
  SHAPE_SIZE,
  SHAPE_VLAN,
  SHAPE_VSID,
  SOURCE,
} from "../memory/layout";
import { find, firstSlot } from "./table";

/**
 * Where `shape`, the map's most specific, has its key for the packet of `d`, if it can have one: what `claimOf` looks at first. Of a
 * packet that is in no tunnel it is some slot.
 */
export function likelySlot(d: usize, generation: usize, shape: usize): usize {
  const bits = load<u32>(shape, SHAPE_BITS);
  return firstSlot(
    generation,
    load<u64>(d, SOURCE) & load<u64>(shape, SHAPE_MASK),
    load<u64>(d, SOURCE + 8) & load<u64>(shape, SHAPE_MASK + 8),
    idOf(d, bits),
    bits | identityBits(d),
  );
}

/**
 * 0 when the key in `slot` is what `shape`, the map's most specific, asks of the packet of `d`: then it is its claim. All differences in
 * one number, so that there is one branch.
 */
export function departures(d: usize, shape: usize, slot: usize): u64 {
  const bits = load<u32>(shape, SHAPE_BITS);
  const has = load<u32>(d, HAS);
  const family: u32 = FAMILY_IPV4 + (has & HAS_IPV6) / HAS_IPV6;
  const wanted = (bits >> BITS_FAMILY) & 3;
  // FAMILY_ANY is 0: what is asked for is the packet's own family, or nothing.
  const isOther = wanted * (wanted ^ family);
  const lacksId = (bits >> BITS_HAS_ID) & 1 & ~has; // HAS_ID is 1
  return (
    ((load<u64>(d, SOURCE) & load<u64>(shape, SHAPE_MASK)) ^ load<u64>(slot, KEY_HIGH)) |
    ((load<u64>(d, SOURCE + 8) & load<u64>(shape, SHAPE_MASK + 8)) ^ load<u64>(slot, KEY_LOW)) |
    (idOf(d, bits) ^ load<u32>(slot, KEY_WORD)) |
    ((bits | identityBits(d)) ^ load<u32>(slot, KEY_BITS)) |
    load<u32>(shape, SHAPE_FLAGS) |
    isOther |
    lacksId
  );
}

/** The id, when the shape asks for one. */
function idOf(d: usize, bits: u32): u32 {
  return load<u32>(d, ID) & (0 - ((bits >> BITS_HAS_ID) & 1));
}
function identityBits(d: usize): u32 {
  return KIND_IDENTITY | ((<u32>load<u8>(d, ENCAPSULATION)) << BITS_ENCAPSULATION);
}

/** The slot of the most specific claim on the tunnel of `d`, or 0. */
export function claimOf(d: usize, generation: usize): usize {
  const has = load<u32>(d, HAS);
  const family: u32 = (has & HAS_IPV6) != 0 ? FAMILY_IPV6 : FAMILY_IPV4;
  const outerVlan = <u32>load<u16>(d, OUTER_VLAN);
  const high = load<u64>(d, SOURCE);
  const low = load<u64>(d, SOURCE + 8);
  let shape = <usize>load<u32>(generation, MAP_IDENTITY_SHAPES);
  const end = shape + <usize>load<u32>(generation, MAP_IDENTITY_SHAPE_COUNT) * SHAPE_SIZE;
  for (; shape < end; shape += SHAPE_SIZE) {
    let bits = load<u32>(shape, SHAPE_BITS);
    const flags = load<u32>(shape, SHAPE_FLAGS);
    const wanted = (bits >> BITS_FAMILY) & 3;
    if (wanted != FAMILY_ANY && wanted != family) continue;
    const asksId = ((bits >> BITS_HAS_ID) & 1) != 0;
    if (asksId && (has & HAS_ID) == 0) continue;
    let encapsulation = <u32>load<u8>(d, ENCAPSULATION);
    let id: u32 = asksId ? load<u32>(d, ID) : 0;
    if ((flags & SHAPE_VSID) != 0) {
      if ((has & HAS_NVGRE) == 0) continue;
      encapsulation = Encapsulation.Nvgre;
      id >>= 8;
    }
    if ((flags & SHAPE_VLAN) != 0) {
      if (outerVlan == NO_VLAN) continue;
      bits |= (outerVlan + 1) << BITS_VLAN;
    }
    bits |= KIND_IDENTITY | (encapsulation << BITS_ENCAPSULATION);
    const slot = find(
      generation,
      high & load<u64>(shape, SHAPE_MASK),
      low & load<u64>(shape, SHAPE_MASK + 8),
      id,
      bits,
    );
    if (slot != 0) return slot;
  }
  return 0;
}
