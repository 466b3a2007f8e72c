// Token buckets on packet time, as theoretical arrival time (GCRA, ITU-T I.371): one u64 a bucket, so that several workers
// can share it without a lock. Units are BUCKET_TICKS a nanosecond, modulo 2^64.

import { BUCKET_SLACK, BUCKET_TICKS } from "../memory/layout";

const LONG_AGO: i64 = -0x4000_0000_0000_0000;

/** Takes the tokens of `bytes` at packet time `time` (ns). False when there are too few; then none are taken. */
export function admits(bucket: usize, cost: u64, burst: u64, bytes: u32, time: u64): bool {
  const price = <i64>(<u64>bytes * (cost >> 32) + ((<u64>bytes * (cost & 0xffff_ffff)) >> 32));
  const now = time * BUCKET_TICKS;
  let stored: u64;
  let arrival: u64;
  do {
    stored = atomic.load<u64>(bucket);
    const ahead = <i64>(stored - now);
    const otherClock = ahead > <i64>burst + <i64>BUCKET_SLACK * BUCKET_TICKS || ahead < LONG_AGO;
    arrival = stored == 0 || otherClock || ahead < 0 ? now : stored;
    if (<i64>(arrival - now) + price > <i64>burst) return false;
  } while (atomic.cmpxchg<u64>(bucket, stored, arrival + price) != stored);
  return true;
}
