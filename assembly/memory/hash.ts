// One hash for every table: words of 8 bytes, each multiplied by a secret odd number of its own, summed and mixed (multilinear
// hashing: Carter, Wegman 1979; Lemire, Kaser 2014). The multiplications do not wait for one another. The numbers are chosen at
// random when the engine is made, so that nobody can aim collisions.

import { CONFIG_SEEDS } from "./layout";

const MIX: u64 = 0x94d049bb133111eb; // splitmix64

function factor(i: usize): u64 {
  return load<u64>(<usize>CONFIG_SEEDS + (i << 3));
}

function mixed(total: u64): u32 {
  return <u32>(((total ^ (total >> 32)) * MIX) >> 32);
}

/** Of 16 bytes (two words of 8) and two words of 4. */
export function hash16(high: u64, low: u64, a: u32, b: u32): u32 {
  return mixed((((<u64>a) << 32) | b) * factor(0) + high * factor(1) + low * factor(2));
}

/** Of the 32 bytes at `addresses` and two words. */
export function hash32(addresses: usize, a: u32, b: u32): u32 {
  return hashWords(
    a,
    b,
    load<u64>(addresses),
    load<u64>(addresses, 8),
    load<u64>(addresses, 16),
    load<u64>(addresses, 24),
  );
}

/** The same of four words that are at hand: those that are known to be 0 cost nothing. */
export function hashWords(a: u32, b: u32, high1: u64, low1: u64, high2: u64, low2: u64): u32 {
  return mixed(
    (((<u64>a) << 32) | b) * factor(0) +
      high1 * factor(1) +
      low1 * factor(2) +
      high2 * factor(3) +
      low2 * factor(4),
  );
}
