// Which addresses cannot be a sniffer's or the gateway's, so that the check for loops costs most packets one look for each address.
// First by the number of 16 bits that one multiplication makes of the address's last four bytes; then by a Bloom filter whose bits of
// one address stand in one word (blocked: Putze, Sanders, Singler 2007). A hit proves nothing; the exact table is asked then.

import { BITS_FAMILY, FAMILY_MAC, FILTER_TAILS, MAP_FILTER, MAP_FILTER_MASK } from "../memory/layout";

const K1: u64 = 0x9e3779b97f4a7c15;
const K2: u64 = 0xbf58476d1ce4e5b9;
const TAIL: u32 = 0x9e3779b1; // odd, 2^32 over the golden ratio

export function filterOf(generation: usize): usize {
  return load<u32>(generation, MAP_FILTER);
}

function tailOf(word: u32): u32 {
  return (word * TAIL) >> 16;
}

/** 0: no delivery or gateway address ends in these four bytes, as a load of the machine's byte order has them. */
export function tailBit(filter: usize, word: u32): u32 {
  const tail = tailOf(word);
  return (<u32>load<u8>(filter + (tail >> 3)) >> (tail & 7)) & 1;
}

function hashOf(high: u64, low: u64): u64 {
  const mixed = ((high * K2) ^ low) * K1;
  return (mixed ^ (mixed >> 32)) * K2;
}
function wordOf(generation: usize, hash: u64): usize {
  const word = <u32>(hash >> 32) & load<u32>(generation, MAP_FILTER_MASK);
  return filterOf(generation) + FILTER_TAILS + (word << 3);
}
function bitsOf(hash: u64): u64 {
  const one: u64 = 1;
  return (one << (hash & 63)) | (one << ((hash >> 6) & 63));
}

/** False: no delivery or gateway address is these two words. */
export function mayBeKnown(generation: usize, high: u64, low: u64): bool {
  const hash = hashOf(high, low);
  const bits = bitsOf(hash);
  return (load<u64>(wordOf(generation, hash)) & bits) == bits;
}

/** @param keyBits KEY_BITS of its slot */
export function addToFilter(generation: usize, keyBits: u32, high: u64, low: u64): void {
  const isMac = ((keyBits >> BITS_FAMILY) & 3) == FAMILY_MAC;
  const tail = tailOf(<u32>(isMac ? low >> 16 : low >> 32));
  const at = filterOf(generation) + (tail >> 3);
  store<u8>(at, <u8>(<u32>load<u8>(at) | ((<u32>1) << (tail & 7))));
  const hash = hashOf(high, low);
  const word = wordOf(generation, hash);
  store<u64>(word, load<u64>(word) | bitsOf(hash));
}
