// Slot images of the exact table, written one behind another in the form that the engine compares with packets. A map may have a
// million: no objects and no text on the way.

import * as at from "../../assembly/memory/layout.js";
import type { EndpointAddress } from "../config/addresses.js";
import { longer, words } from "./image-memory.js";

/** Words (of 4 bytes) in a slot, and where in it they stand. */
const SIZE = at.KEY_SIZE / 4;
const HIGH = at.KEY_HIGH / 4;
const LOW = at.KEY_LOW / 4;
const WORD = at.KEY_WORD / 4;
const BITS = at.KEY_BITS / 4;
const VALUE = at.KEY_VALUE / 4;
const CLAIM = at.KEY_CLAIM / 4;

export class Slots {
  #words: Uint32Array;
  /** In words. */
  #length = 0;
  /** Open addressing over the slots that `addOnce` wrote: number + 1, 0 for none. */
  #index = new Uint32Array(64);
  #indexed = 0;
  readonly #seed = Math.floor(Math.random() * 2 ** 32);

  /** @param expected slots; more may come */
  constructor(expected: number) {
    this.#words = words(Math.max(16, expected) * SIZE);
  }

  /**
   * Writes a slot whose key no other has. Gives its number.
   *
   * @param claim index of the claim for an identity, 0 for the rest
   */
  add(address: EndpointAddress | undefined, word: number, bits: number, value: number, claim = 0): number {
    if (this.#length === this.#words.length) this.#words = longer(this.#words);
    const slot = this.#length;
    const words = this.#words;
    if (address !== undefined) writeAddress(words, slot, address);
    words[slot + WORD] = word;
    words[slot + BITS] = bits;
    words[slot + VALUE] = value;
    words[slot + CLAIM] = claim + 1;
    this.#length += SIZE;
    return slot / SIZE;
  }

  /** So many slots are going to be written with `addOnce`. */
  expectOnce(count: number): void {
    const places = 2 ** Math.ceil(Math.log2((this.#indexed + count) * 2 + 1));
    if (places > this.#index.length) this.#widen(places);
  }

  /** Writes a slot, or finds the one that `addOnce` wrote for the same key before. Gives its number. */
  addOnce(address: EndpointAddress, word: number, bits: number, value: number): number {
    const number = this.add(address, word, bits, value);
    const place = this.#find(number);
    const before = this.#index[place]!;
    if (before === 0) {
      this.#index[place] = number + 1;
      if (++this.#indexed * 2 > this.#index.length) this.#widen(this.#index.length * 2);
      return number;
    }
    this.#length -= SIZE;
    this.#words.fill(0, this.#length, this.#length + SIZE);
    return before - 1;
  }

  value(number: number): number {
    return this.#words[number * SIZE + VALUE]!;
  }

  setValue(number: number, value: number): void {
    this.#words[number * SIZE + VALUE] = value;
  }

  bytes(): Uint8Array {
    return new Uint8Array(this.#words.buffer, 0, this.#length * 4);
  }

  /** Where in the index the slot's key stands, or would. */
  #find(number: number): number {
    const mask = this.#index.length - 1;
    let place = this.#hash(number * SIZE) & mask;
    for (;;) {
      const other = this.#index[place]!;
      if (other === 0 || this.#sameKey((other - 1) * SIZE, number * SIZE)) return place;
      place = (place + 1) & mask;
    }
  }

  #sameKey(a: number, b: number): boolean {
    const words = this.#words;
    for (let i = 0; i < VALUE; i++) if (words[a + i] !== words[b + i]) return false;
    return true;
  }

  /** Of the key. Seeded, since tenants choose addresses; the multiplier is that of MurmurHash3's second round. */
  #hash(slot: number): number {
    let hash = this.#seed;
    for (let i = 0; i < VALUE; i++) {
      hash = Math.imul(hash ^ this.#words[slot + i]!, 0xc2b2ae35);
      hash ^= hash >>> 15;
    }
    return hash >>> 0;
  }

  #widen(places: number): void {
    const before = this.#index;
    this.#index = new Uint32Array(places);
    for (const number of before) if (number !== 0) this.#index[this.#find(number - 1)] = number;
  }
}

/** An address as the engine keeps it: 16 bytes, IPv4 behind ::ffff:, a MAC in the second half. */
function writeAddress(words: Uint32Array, slot: number, { family, bytes }: EndpointAddress): void {
  if (family === 4) {
    words[slot + LOW] = 0xffff0000;
    words[slot + LOW + 1] = wordAt(bytes, 0);
  } else if (family === 6) {
    for (let i = 0; i < 4; i++) words[slot + HIGH + i] = wordAt(bytes, i * 4);
  } else {
    words[slot + LOW] = wordAt(bytes, 0);
    words[slot + LOW + 1] = bytes[4]! | (bytes[5]! << 8);
  }
}

/** Four bytes as they lie in memory, which is little-endian as WebAssembly's is. */
function wordAt(bytes: Uint8Array, i: number): number {
  return bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
}
