// The numbers of a token bucket (assembly/README.md, "Token bucket"), in units of 1/BUCKET_TICKS nanosecond.

import * as at from "../../assembly/memory/layout.js";

/** A rate as the engine reckons with it. */
export interface Bucket {
  /** What a byte costs, as 32.32 fixed point. */
  readonly cost: bigint;
  /** Units that may be spent at once. */
  readonly burst: bigint;
}

const SECOND = 1_000_000_000n * BigInt(at.BUCKET_TICKS);
/** What a bucket holds when that is more than LEAST: R/20 bits, which at R bits a second are 50 ms whatever R is. */
const DEPTH = SECOND / 20n;
/** Bytes that a bucket holds at least. */
const LEAST = 131_072n;
const MOST_COST = 2n ** 64n - 1n;

const buckets = new Map<number, Bucket>();
const REMEMBERED = 1000;

/** @param rate bits per second */
export function bucketOf(rate: number): Bucket {
  let bucket = buckets.get(rate);
  if (bucket === undefined) {
    const exact = ((8n * SECOND) << 32n) / BigInt(rate);
    const cost = exact < MOST_COST ? exact : MOST_COST;
    let burst = (LEAST * cost) >> 32n;
    if (burst < DEPTH) burst = DEPTH;
    bucket = { cost, burst };
    // Most rates of a large map are the same few.
    if (buckets.size < REMEMBERED) buckets.set(rate, bucket);
  }
  return bucket;
}
