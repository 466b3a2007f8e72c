// Which addresses cannot be a sniffer's or the gateway's: a Bloom filter whose bits of one address stand in one word (blocked:
// Putze, Sanders, Singler 2007), so that the check for loops costs most packets one look for each address. A hit proves nothing;
// the exact table is asked then.

import { MAP_FILTER, MAP_FILTER_MASK } from "../memory/layout";

const K1: u64 = 0x9e3779b97f4a7c15;
const K2: u64 = 0xbf58476d1ce4e5b9;

function hashOf(high: u64, low: u64): u64 {
  const mixed = ((high * K2) ^ low) * K1;
  return (mixed ^ (mixed >> 32)) * K2;
}
function wordOf(generation: usize, hash: u64): usize {
  const word = <u32>(hash >> 32) & load<u32>(generation, MAP_FILTER_MASK);
  return <usize>load<u32>(generation, MAP_FILTER) + (word << 3);
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

export function addToFilter(generation: usize, high: u64, low: u64): void {
  const hash = hashOf(high, low);
  const word = wordOf(generation, hash);
  store<u64>(word, load<u64>(word) | bitsOf(hash));
}
