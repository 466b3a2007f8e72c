// The exact table: open addressing, linear probing, 32-byte slots, at most half full. Keys are compared whole, so that a
// lookup can never give another tenant's entry.

import { hash16 } from "../memory/hash";
import {
  KEY_BITS,
  KEY_CLAIM,
  KEY_HIGH,
  KEY_LOW,
  KEY_SIZE,
  KEY_WORD,
  KIND_MASK,
  KIND_SNIFFER,
  MAP_MASK,
  MAP_TABLE,
  WORKER_TOUCHED,
} from "../memory/layout";
import { setField } from "../memory/worker";
import { addToFilter } from "./filter";

/** The slot that holds the key, or 0. */
export function find(generation: usize, high: u64, low: u64, word: u32, bits: u32): usize {
  const slot = probe(generation, high, low, word, bits);
  return load<u32>(slot, KEY_CLAIM) == 0 ? 0 : slot;
}

/** The slot where looking for the key begins. */
export function firstSlot(generation: usize, high: u64, low: u64, word: u32, bits: u32): usize {
  const table = <usize>load<u32>(generation, MAP_TABLE);
  return table + <usize>(hash16(high, low, word, bits) & load<u32>(generation, MAP_MASK)) * KEY_SIZE;
}

/** The slot that holds the key, or the free one where it belongs. */
function probe(generation: usize, high: u64, low: u64, word: u32, bits: u32): usize {
  const table = <usize>load<u32>(generation, MAP_TABLE);
  const mask = load<u32>(generation, MAP_MASK);
  let at = hash16(high, low, word, bits) & mask;
  let slot = table + <usize>at * KEY_SIZE;
  while (load<u32>(slot, KEY_CLAIM) != 0 && !holds(slot, high, low, word, bits)) {
    at = (at + 1) & mask;
    slot = table + <usize>at * KEY_SIZE;
  }
  return slot;
}

/** Whether the slot has the key. Of a free slot everything is 0, and no key has bits of 0. */
function holds(slot: usize, high: u64, low: u64, word: u32, bits: u32): bool {
  return (
    load<u64>(slot, KEY_LOW) == low &&
    load<u32>(slot, KEY_WORD) == word &&
    load<u32>(slot, KEY_BITS) == bits &&
    load<u64>(slot, KEY_HIGH) == high
  );
}

/** Slot images whose slots are fetched together, so that their cache misses overlap. */
const WINDOW: usize = 64 * KEY_SIZE;

/**
 * Enters `count` slot images, one behind another from `images` on, into a generation under construction. Gives 0, or the address of the
 * first of them whose key is there already.
 */
export function build(generation: usize, images: usize, count: u32): usize {
  const end = images + <usize>count * KEY_SIZE;
  for (let first = images; first < end; first += WINDOW) {
    const last = min(first + WINDOW, end);
    fetch(generation, first, last);
    for (let image = first; image < last; image += KEY_SIZE) if (!insert(generation, image)) return image;
  }
  return 0;
}

/** Brings the slots where the images' keys belong into the cache. */
function fetch(generation: usize, first: usize, last: usize): void {
  const table = <usize>load<u32>(generation, MAP_TABLE);
  const mask = load<u32>(generation, MAP_MASK);
  let read: u32 = 0;
  for (let image = first; image < last; image += KEY_SIZE) {
    read ^= load<u32>(table + <usize>(hashOf(image) & mask) * KEY_SIZE, KEY_CLAIM);
  }
  setField(WORKER_TOUCHED, read);
}

function hashOf(image: usize): u32 {
  return hash16(
    load<u64>(image, KEY_HIGH),
    load<u64>(image, KEY_LOW),
    load<u32>(image, KEY_WORD),
    load<u32>(image, KEY_BITS),
  );
}

/** Whether the key of the slot image was new. */
function insert(generation: usize, image: usize): bool {
  const slot = probe(
    generation,
    load<u64>(image, KEY_HIGH),
    load<u64>(image, KEY_LOW),
    load<u32>(image, KEY_WORD),
    load<u32>(image, KEY_BITS),
  );
  if (load<u32>(slot, KEY_CLAIM) != 0) return false;
  v128.store(slot, v128.load(image));
  v128.store(slot, v128.load(image, 16), 16);
  if ((load<u32>(image, KEY_BITS) & KIND_MASK) >= <u32>KIND_SNIFFER) {
    addToFilter(
      generation,
      load<u32>(image, KEY_BITS),
      load<u64>(image, KEY_HIGH),
      load<u64>(image, KEY_LOW),
    );
  }
  return true;
}
