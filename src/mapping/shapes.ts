// Shapes: which parts of a key a lookup asks, one probe of the exact table each. Here a shape is one number, the greater the more
// specific: longer prefix (129 values, and 0 for any source), id given, VLAN given, then what does not matter: VSID, family.

import * as at from "../../assembly/memory/layout.js";
import type { EndpointAddress } from "../config/addresses.js";

const FAMILY = 3; // mask
const VSID = 1 << 2;
const VLAN = 1 << 3;
const ID = 1 << 4;
const PREFIX = 5; // shift, of prefix length + 1
const COUNT = 130 << PREFIX;

/** The shape of an address: of a source that matches any, when it is undefined. */
export function addressShape(address: EndpointAddress | undefined): number {
  if (address === undefined) return at.FAMILY_ANY;
  return ((prefixLength(address) + 1) << PREFIX) | familyOf(address);
}

/** The shape of an identity. */
export function identityShape(
  from: EndpointAddress | undefined,
  hasId: boolean,
  hasVlan: boolean,
  vsid: boolean,
): number {
  return addressShape(from) | (hasId ? ID : 0) | (hasVlan ? VLAN : 0) | (vsid ? VSID : 0);
}

export function familyOf(address: EndpointAddress): number {
  if (address.family === 4) return at.FAMILY_IPV4;
  return address.family === 6 ? at.FAMILY_IPV6 : at.FAMILY_MAC;
}

function prefixLength(address: EndpointAddress): number {
  return address.family === "mac" ? 48 : address.prefixLength;
}

/** KEY_BITS that a shape fixes. */
export function shapeBits(shape: number): number {
  const prefix = Math.max(0, (shape >>> PREFIX) - 1);
  const hasId = (shape & ID) !== 0 ? 1 : 0;
  return (
    (((shape & FAMILY) << at.BITS_FAMILY) | (hasId << at.BITS_HAS_ID) | (prefix << at.BITS_PREFIX)) >>> 0
  );
}

/** A set of shapes. */
export class ShapeSet {
  readonly #has = new Uint8Array(COUNT);
  readonly #shapes: number[] = [];

  add(shape: number): void {
    if (this.#has[shape] !== 0) return;
    this.#has[shape] = 1;
    this.#shapes.push(shape);
  }

  /** As the engine reads them, most specific first. */
  encode(): Uint8Array {
    return encode(this.#shapes.sort((a, b) => b - a));
  }
}

/** The shapes of each tenant's addresses, where tenants with the same ones share a list. */
export class ShapeLists {
  readonly #shapes: number[] = [];
  readonly #lists = new Map<string, number>();
  /** Of tenants whose addresses are all of one shape: place + 1. */
  readonly #single = new Uint32Array(COUNT);

  /** Number of the first shape of a list; the others follow it. @param shapes distinct ones */
  place(shapes: readonly number[]): number {
    if (shapes.length === 1) {
      const shape = shapes[0]!;
      if (this.#single[shape] === 0) this.#single[shape] = this.#append(shapes) + 1;
      return this.#single[shape]! - 1;
    }
    const sorted = [...shapes].sort((a, b) => b - a);
    const key = sorted.join();
    const place = this.#lists.get(key) ?? this.#append(sorted);
    this.#lists.set(key, place);
    return place;
  }

  #append(shapes: readonly number[]): number {
    const place = this.#shapes.length;
    this.#shapes.push(...shapes);
    return place;
  }

  encode(): Uint8Array {
    return encode(this.#shapes);
  }
}

/** SHAPE_SIZE bytes each, in the order given. */
function encode(shapes: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(shapes.length * at.SHAPE_SIZE);
  const view = new DataView(bytes.buffer);
  for (const [i, shape] of shapes.entries()) {
    const start = i * at.SHAPE_SIZE;
    const flags = ((shape & VLAN) !== 0 ? at.SHAPE_VLAN : 0) | ((shape & VSID) !== 0 ? at.SHAPE_VSID : 0);
    view.setUint32(start + at.SHAPE_BITS, shapeBits(shape), true);
    view.setUint32(start + at.SHAPE_FLAGS, flags, true);
    bytes.set(mask(shape & FAMILY, (shape >>> PREFIX) - 1), start + at.SHAPE_MASK);
  }
  return bytes;
}

/** 16 bytes over an address as the engine keeps it: IPv4 behind ::ffff:, a MAC in the second half. */
function mask(family: number, length: number): Uint8Array {
  const bytes = new Uint8Array(16);
  if (family === at.FAMILY_MAC) return bytes.fill(0xff, 8, 14);
  if (length < 0) return bytes;
  const bits = family === at.FAMILY_IPV4 ? 96 + length : length;
  for (let i = 0; i < 16; i++) bytes[i] = 0xff00 >> Math.min(8, Math.max(0, bits - i * 8));
  return bytes;
}
