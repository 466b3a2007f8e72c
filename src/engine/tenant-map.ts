// A tenant map on its way into linear memory: built beside the one in force, then switched to. Two generations at a time.

import * as at from "../../assembly/memory/layout.js";
import { SpangateError } from "../errors.js";
import type { LinearMemory, Stretch } from "./memory.js";
import type { EngineExports } from "./wasm.js";

/**
 * A tenant map as the engine reads it, free of addresses. Slot images (KEY_SIZE bytes), shapes (SHAPE_SIZE) and tenant
 * records (TENANT_SIZE, TENANT_SHAPES as a shape's index) are laid out as assembly/memory/layout.ts says.
 */
export interface MapImage {
  readonly slots: Uint8Array;
  /** Shapes of identities, most specific first. */
  readonly identityShapes: Uint8Array;
  /** Shapes of all tenants' addresses, longest first; empty when nothing is shared. */
  readonly ownerShapes: Uint8Array;
  /** Shapes that tenant records point into. */
  readonly tenantShapes: Uint8Array;
  readonly tenants: Uint8Array;
  /** MAP_HAS_*. */
  readonly flags: number;
}

/** Puts map images into memory. */
export class MapStore {
  readonly #memory: LinearMemory;
  readonly #exports: EngineExports;
  readonly #scratch: number;
  readonly #stretches: [Stretch | undefined, Stretch | undefined] = [undefined, undefined];
  /** Number of the generation in force, 0 before the first. */
  #number = 0;

  constructor(memory: LinearMemory, exports: EngineExports) {
    this.#memory = memory;
    this.#exports = exports;
    this.#scratch = memory.allocate(at.KEY_SIZE).address;
  }

  /**
   * Builds `image` beside the map in force and switches to it. Gives its generation number.
   *
   * Throws MAP_TOO_LARGE when memory cannot hold both; then, as after any error, the map in force stays.
   */
  install(image: MapImage): number {
    const count = image.slots.length / at.KEY_SIZE;
    const slots = powerOfTwo(Math.max(16, count * 2));
    const tenants = slots * at.KEY_SIZE;
    const parts = [image.tenants, image.identityShapes, image.ownerShapes, image.tenantShapes];
    const size = parts.reduce((sum, part) => sum + align(part.length), at.MAP_HEADER_SIZE + tenants);
    const { address } = this.#stretch(size);

    const { u8, u32 } = this.#memory;
    u8.fill(0, address, address + size);
    let next = address + at.MAP_HEADER_SIZE + tenants;
    const places = parts.map((part) => {
      const place = next;
      u8.set(part, place);
      next += align(part.length);
      return place;
    });
    const [tenantsAt, identityAt, ownerAt, tenantShapesAt] = places as [number, number, number, number];
    for (let record = tenantsAt; record < tenantsAt + image.tenants.length; record += at.TENANT_SIZE) {
      const index = u32[(record + at.TENANT_SHAPES) >>> 2]!;
      u32[(record + at.TENANT_SHAPES) >>> 2] = tenantShapesAt + index * at.SHAPE_SIZE;
    }
    const header = address >>> 2;
    u32[header + at.MAP_NUMBER / 4] = this.#number + 1;
    u32[header + at.MAP_TABLE / 4] = address + at.MAP_HEADER_SIZE;
    u32[header + at.MAP_MASK / 4] = slots - 1;
    u32[header + at.MAP_TENANTS / 4] = tenantsAt;
    u32[header + at.MAP_IDENTITY_SHAPES / 4] = identityAt;
    u32[header + at.MAP_IDENTITY_SHAPE_COUNT / 4] = image.identityShapes.length / at.SHAPE_SIZE;
    u32[header + at.MAP_OWNER_SHAPES / 4] = ownerAt;
    u32[header + at.MAP_OWNER_SHAPE_COUNT / 4] = image.ownerShapes.length / at.SHAPE_SIZE;
    u32[header + at.MAP_FLAGS / 4] = image.flags;
    this.#insert(image.slots, address);
    this.#exports.publish(address);
    return ++this.#number;
  }

  #insert(slots: Uint8Array, generation: number): void {
    const { u32 } = this.#memory;
    const words = new Uint32Array(slots.buffer, slots.byteOffset, slots.length / 4);
    const scratch = this.#scratch >>> 2;
    const size = at.KEY_SIZE / 4;
    for (let from = 0; from < words.length; from += size) {
      for (let i = 0; i < size; i++) u32[scratch + i] = words[from + i]!;
      if (this.#exports.mapInsert(generation, this.#scratch) !== 0)
        throw new Error("two entries of a tenant map have one key");
    }
  }

  /** The stretch that is not in force, grown when it is too small. */
  #stretch(size: number): Stretch {
    const side = this.#number & 1;
    let stretch = this.#stretches[side];
    if (stretch === undefined || stretch.length < size) {
      stretch = this.#allocate(powerOfTwo(size));
      this.#stretches[side] = stretch;
    }
    return stretch;
  }

  #allocate(size: number): Stretch {
    try {
      return this.#memory.allocate(size);
    } catch (cause) {
      const message = `The tenant map needs ${size} bytes beside the one in force, which the engine's memory does not have.`;
      throw new SpangateError("MAP_TOO_LARGE", message, { cause, details: { needed: size } });
    }
  }
}

function align(length: number): number {
  return (length + 15) & ~15;
}

function powerOfTwo(least: number): number {
  return 2 ** Math.ceil(Math.log2(least));
}
