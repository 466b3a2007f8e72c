// Whose an inner address is: among one tenant's, or among all tenants' with the longest prefix winning.

import {
  BITS_FAMILY,
  KEY_VALUE,
  KIND_ADDRESS,
  KIND_OWNER,
  MAP_OWNER_SHAPE_COUNT,
  MAP_OWNER_SHAPES,
  NONE,
  SHAPE_BITS,
  SHAPE_MASK,
  SHAPE_SIZE,
} from "../memory/layout";
import { mayBeKnown } from "./filter";
import { find } from "./table";

export function shapeFamily(shape: usize): u32 {
  return (load<u32>(shape, SHAPE_BITS) >> BITS_FAMILY) & 3;
}

/** Whether `tenant` lists the address in the shape at `shape`. */
export function lists(generation: usize, tenant: u32, shape: usize, high: u64, low: u64): bool {
  const bits = load<u32>(shape, SHAPE_BITS) | KIND_ADDRESS;
  return (
    find(
      generation,
      high & load<u64>(shape, SHAPE_MASK),
      low & load<u64>(shape, SHAPE_MASK + 8),
      tenant,
      bits,
    ) != 0
  );
}

/** The tenant that owns an address of `family`: its index, OWNER_MANY, or NONE. */
export function ownerOf(generation: usize, family: u32, high: u64, low: u64): u32 {
  let shape = <usize>load<u32>(generation, MAP_OWNER_SHAPES);
  const end = shape + <usize>load<u32>(generation, MAP_OWNER_SHAPE_COUNT) * SHAPE_SIZE;
  for (; shape < end; shape += SHAPE_SIZE) {
    if (shapeFamily(shape) != family) continue;
    const bits = load<u32>(shape, SHAPE_BITS) | KIND_OWNER;
    const slot = find(
      generation,
      high & load<u64>(shape, SHAPE_MASK),
      low & load<u64>(shape, SHAPE_MASK + 8),
      0,
      bits,
    );
    if (slot != 0) return load<u32>(slot, KEY_VALUE);
  }
  return NONE;
}

/** Whether a delivery or gateway address of `kind` is in the map. */
export function isKnown(generation: usize, kind: u32, family: u32, high: u64, low: u64): bool {
  return (
    mayBeKnown(generation, high, low) && find(generation, high, low, 0, kind | (family << BITS_FAMILY)) != 0
  );
}
