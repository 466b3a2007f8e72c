// The token bucket: its depth, its refill, clocks that jump, and the rate it keeps whatever comes.

import fc from "fast-check";
import { expect, test } from "vitest";
import { TokenBucket } from "./bucket.js";

const SECOND = 1_000_000_000n;
const MBIT = 1_000_000;

/** How many packets of so many bytes it takes at this time. */
function burst(bucket: TokenBucket, bytes: number, time: bigint): number {
  let taken = 0;
  while (bucket.take(bytes, time)) taken++;
  return taken;
}

test.each([
  ["50 ms", 1000 * MBIT, 6_250_000 / 1000],
  ["at least 131,072 bytes", 8 * MBIT, 131],
  ["of the slowest, too", 1, 131],
])("a bucket never used is full: %s", (_, rate, packets) => {
  expect(burst(new TokenBucket(rate), 1000, 5n * SECOND)).toBe(packets);
});

test("it fills at its rate, and not over its depth", () => {
  const bucket = new TokenBucket(80 * MBIT); // 500,000 bytes deep, 10 bytes a microsecond
  expect(burst(bucket, 1000, SECOND)).toBe(500);
  expect(burst(bucket, 1000, SECOND + 99_000n)).toBe(0);
  expect(burst(bucket, 1000, SECOND + 100_000n)).toBe(1);
  expect(burst(bucket, 1000, 2n * SECOND)).toBe(500);
});

test("what is refused is not charged", () => {
  const bucket = new TokenBucket(8 * MBIT);
  expect(bucket.take(131_073, 0n)).toBe(false);
  expect(bucket.take(131_072, 0n)).toBe(true);
  expect(bucket.take(0, 0n)).toBe(true);
  expect(bucket.take(1, 0n)).toBe(false);
});

test("a packet of a little earlier counts, another clock starts anew", () => {
  const emptied = () => {
    const bucket = new TokenBucket(8 * MBIT);
    bucket.take(131_072, 100n * SECOND);
    return bucket;
  };
  expect(emptied().take(1, 99n * SECOND)).toBe(false);
  expect(emptied().take(1, 99n * SECOND - 1n)).toBe(true);
  expect(emptied().take(1, 100n * SECOND + 1000n)).toBe(true);
  expect(emptied().take(131_072, 0n)).toBe(true);
  expect(emptied().take(131_072, 2n ** 62n)).toBe(true);
});

test("time that wraps 2^64 / 256 ns goes on", () => {
  const bucket = new TokenBucket(8 * MBIT);
  const wrap = 2n ** 56n;
  expect(burst(bucket, 1000, wrap - 1_000_000n)).toBe(131);
  expect(burst(bucket, 1000, wrap + 1_000_000n)).toBe(2);
});

test("never more than its depth and the time's share", () => {
  const step = fc.record({ bytes: fc.integer({ min: 0, max: 70_000 }), wait: fc.bigInt(0n, 20_000_000n) });
  const property = fc.property(
    fc.integer({ min: 1000, max: 10_000 * MBIT }),
    fc.array(step, { maxLength: 60 }),
    (rate, steps) => {
      const bucket = new TokenBucket(rate);
      const depth = Math.max(rate / 160, 131_072);
      let time = SECOND;
      let bytes = 0;
      for (const { bytes: length, wait } of steps) {
        time += wait;
        if (bucket.take(length, time)) bytes += length;
        expect(bytes).toBeLessThanOrEqual(depth + (rate / 8) * (Number(time - SECOND) / 1e9) + 1);
      }
    },
  );
  fc.assert(property, { seed: 1 });
});
