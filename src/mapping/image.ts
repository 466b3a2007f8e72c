// Builds the binary image of a tenant map: slots of the exact table, and the shapes that lookups try. What each byte means
// stands in assembly/memory/layout.ts.

import * as at from "../../assembly/memory/layout.js";
import type { EndpointAddress, Prefix } from "../config/addresses.js";

/** The tenant map, free of memory addresses. The engine's MapImage. */
export interface Image {
  readonly slots: Uint8Array;
  readonly identityShapes: Uint8Array;
  readonly ownerShapes: Uint8Array;
  readonly tenantShapes: Uint8Array;
  readonly tenants: Uint8Array;
  readonly flags: number;
}

/** Which parts of a key a lookup asks: one probe of the exact table each. */
export interface Shape {
  readonly family: number;
  /** Bits of the address; of a source that matches any, -1. */
  readonly prefixLength: number;
  readonly hasId: boolean;
  readonly hasVlan: boolean;
  readonly vsid: boolean;
}

/** KEY_BITS that a shape fixes. */
export function shapeBits({ family, prefixLength, hasId }: Shape): number {
  return (
    ((family << at.BITS_FAMILY) |
      (Number(hasId) << at.BITS_HAS_ID) |
      (Math.max(0, prefixLength) << at.BITS_PREFIX)) >>>
    0
  );
}

/** Shapes as the engine reads them, in the order given. */
export function encodeShapes(shapes: readonly Shape[]): Uint8Array {
  const bytes = new Uint8Array(shapes.length * at.SHAPE_SIZE);
  const view = new DataView(bytes.buffer);
  for (const [i, shape] of shapes.entries()) {
    const start = i * at.SHAPE_SIZE;
    view.setUint32(start + at.SHAPE_BITS, shapeBits(shape), true);
    const flags = (shape.hasVlan ? at.SHAPE_VLAN : 0) | (shape.vsid ? at.SHAPE_VSID : 0);
    view.setUint32(start + at.SHAPE_FLAGS, flags, true);
    bytes.set(mask(shape), start + at.SHAPE_MASK);
  }
  return bytes;
}

/** 16 bytes over an address as the engine keeps it: IPv4 behind ::ffff:, a MAC in the second half. */
function mask({ family, prefixLength }: Shape): Uint8Array {
  const bytes = new Uint8Array(16);
  if (family === at.FAMILY_MAC) return bytes.fill(0xff, 8, 14);
  if (prefixLength < 0) return bytes;
  const bits = family === at.FAMILY_IPV4 ? 96 + prefixLength : prefixLength;
  for (let i = 0; i < 16; i++) bytes[i] = 0xff00 >> Math.min(8, Math.max(0, bits - i * 8));
  return bytes;
}

export function familyOf(address: EndpointAddress | undefined): number {
  if (address === undefined) return at.FAMILY_ANY;
  return address.family === "mac" ? at.FAMILY_MAC : address.family === 4 ? at.FAMILY_IPV4 : at.FAMILY_IPV6;
}

/** The shape of an address that a tenant owns. */
export function addressShape(address: EndpointAddress): Shape {
  const prefixLength = address.family === "mac" ? 48 : address.prefixLength;
  return { family: familyOf(address), prefixLength, hasId: false, hasVlan: false, vsid: false };
}

/** Slot images, appended one by one. */
export class Slots {
  #bytes = new Uint8Array(1024 * at.KEY_SIZE);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** @param claim index of the claim for an identity, 0 for the rest */
  add(
    address: EndpointAddress | Prefix | undefined,
    word: number,
    bits: number,
    value: number,
    claim = 0,
  ): void {
    if (this.#length === this.#bytes.length) this.#grow();
    const start = this.#length;
    if (address !== undefined) this.#bytes.set(address.bytes, start + this.#place(address, start));
    this.#view.setUint32(start + at.KEY_WORD, word, true);
    this.#view.setUint32(start + at.KEY_BITS, bits, true);
    this.#view.setUint32(start + at.KEY_VALUE, value, true);
    this.#view.setUint32(start + at.KEY_CLAIM, claim + 1, true);
    this.#length += at.KEY_SIZE;
  }

  /** Where an address stands in the key; IPv4 gets its ::ffff: in front. */
  #place(address: EndpointAddress, start: number): number {
    if (address.family === "mac") return at.KEY_LOW;
    if (address.family === 6) return at.KEY_HIGH;
    this.#bytes.fill(0xff, start + at.KEY_LOW + 2, start + at.KEY_LOW + 4);
    return at.KEY_LOW + 4;
  }

  #grow(): void {
    const bytes = new Uint8Array(this.#bytes.length * 2);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
