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
  MAP_MASK,
  MAP_TABLE,
} from "../memory/layout";

/** The slot that holds the key, or 0. */
export function find(generation: usize, high: u64, low: u64, word: u32, bits: u32): usize {
  const slot = probe(generation, high, low, word, bits);
  return load<u32>(slot, KEY_CLAIM) == 0 ? 0 : slot;
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

function holds(slot: usize, high: u64, low: u64, word: u32, bits: u32): bool {
  return (
    load<u64>(slot, KEY_HIGH) == high &&
    load<u64>(slot, KEY_LOW) == low &&
    load<u32>(slot, KEY_WORD) == word &&
    load<u32>(slot, KEY_BITS) == bits
  );
}

/** Enters the slot image at `entry`. Gives 0, or the address of the slot that already holds the key. */
export function insert(generation: usize, entry: usize): usize {
  const slot = probe(
    generation,
    load<u64>(entry, KEY_HIGH),
    load<u64>(entry, KEY_LOW),
    load<u32>(entry, KEY_WORD),
    load<u32>(entry, KEY_BITS),
  );
  if (load<u32>(slot, KEY_CLAIM) != 0) return slot;
  memory.copy(slot, entry, KEY_SIZE);
  return 0;
}
