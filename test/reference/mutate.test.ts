// The mutator repeats itself, reaches every decision, and the reference survives what it makes.

import { expect, test } from "vitest";
import { DEFAULTS, mutations, ReferenceDecoder } from "./index.js";
import { seeded } from "./mutate.js";
import { wrap } from "./mutate-shapes.js";
import { ethernet, ipv4, ipv6 } from "./packets.js";

const frames = [
  ethernet(0x0800, ipv4(6, new Uint8Array(60), { source: "10.1.0.1", destination: "10.2.0.1" })),
  ethernet(0x86dd, ipv6(58, new Uint8Array(40).fill(135))),
  ethernet(0x0806, new Uint8Array(28)),
];
const random = seeded(1);
const corpus = Array.from({ length: 60 }, (_, at) => wrap(frames[at % 3]!, random));

function take(seed: number, count: number) {
  const stream = mutations(seed, corpus);
  return Array.from({ length: count }, () => stream.next().value);
}

test("the same seed, the same packets; the corpus stays as it was", () => {
  const before = structuredClone(corpus);
  const first = take(42, 3000);
  expect(take(42, 3000)).toEqual(first);
  expect(take(43, 3000)).not.toEqual(first);
  expect(corpus).toEqual(before);
});

test("nothing is lost, nothing is read outside a frame, every verdict of decoding is reached", () => {
  const decoder = new ReferenceDecoder({
    ...DEFAULTS,
    depth: 3,
    time: "mirror",
    reassembly: { memory: 2 ** 18, perSource: 2 ** 17, timeout: 5_000_000_000n },
  });
  const count = 60_000;
  const seen = new Set<number>();
  take(7, count).forEach(({ frame, originalLength, time, linkType }, index) => {
    for (const { packet, result } of decoder.packet(index + 1, frame, originalLength, time, linkType)) {
      if (seen.has(packet)) throw new Error(`packet ${packet} settled twice`);
      seen.add(packet);
      if (result.inner && result.originalLength! < result.inner.length)
        throw new Error(`packet ${packet} grew`);
    }
    const { held, verdicts, received } = decoder.counters;
    if (index % 1000 === 0) expect(held + Object.values(verdicts).reduce((a, b) => a + b)).toBe(received);
  });
  for (const { packet } of decoder.finish()) seen.add(packet);
  expect(seen.size).toBe(count);
  expect(Object.keys(decoder.counters.verdicts).sort()).toEqual([
    "bad-checksum",
    "bad-flags",
    "critical-option",
    "delivered",
    "fragment-limit",
    "fragment-overlap",
    "fragment-timeout",
    "not-tunnel",
    "reassembled",
    "too-large",
    "truncated",
    "unsupported-payload",
    "unsupported-version",
  ]);
});
