// One hash for every table: keys of addresses and two words, seeded at random so that nobody can aim collisions.
// Multiply and fold; the constants are those of splitmix64 (Steele, Lea, Flood 2014).

import { CONFIG_SEED } from "./layout";

const K1: u64 = 0x9e3779b97f4a7c15;
const K2: u64 = 0xbf58476d1ce4e5b9;
const K3: u64 = 0x94d049bb133111eb;

/** Of 16 bytes (two words of 8) and two words of 4. */
export function hash16(high: u64, low: u64, a: u32, b: u32): u32 {
  let mixed = load<u64>(CONFIG_SEED) ^ (((<u64>a) << 32) | b);
  mixed = (mixed ^ high) * K1;
  mixed = (mixed ^ (mixed >> 29) ^ low) * K2;
  mixed = (mixed ^ (mixed >> 32)) * K3;
  return <u32>(mixed >> 32);
}

/** Of the 32 bytes at `addresses` and two words. */
export function hash32(addresses: usize, a: u32, b: u32): u32 {
  let mixed = load<u64>(CONFIG_SEED) ^ (((<u64>a) << 32) | b);
  mixed = (mixed ^ load<u64>(addresses)) * K1;
  mixed = (mixed ^ (mixed >> 29) ^ load<u64>(addresses, 8)) * K2;
  mixed = (mixed ^ (mixed >> 32) ^ load<u64>(addresses, 16)) * K3;
  mixed = (mixed ^ (mixed >> 29) ^ load<u64>(addresses, 24)) * K1;
  return <u32>(mixed >> 32);
}
