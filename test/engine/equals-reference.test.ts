// The engine equals the reference, which was written from the documents by somebody who had not seen it: on real captures,
// and on mutated packets, whatever lies around them in memory. SPANGATE_MUTATIONS says how many (a hundred thousand
// unless told otherwise, a million in CI), SPANGATE_SEED where to begin.

import { describe, expect, test } from "vitest";
import { DEFAULTS, mutations, type ReferenceOptions } from "../reference/index.js";
import { engineOptions } from "./agreement.js";
import { expectEqual } from "./compare.js";
import { fixtures, seeds, sharedCaptures } from "./corpus.js";
import { EngineHarness, type Frame, type Surroundings } from "./harness.js";

const MUTATIONS = Number(process.env.SPANGATE_MUTATIONS ?? 100_000);
const SEED = Number(process.env.SPANGATE_SEED ?? 1);
const ROUND = 10_000;

const filled: Surroundings = (memory) => memory.fill(0xa5);
const noise: Surroundings = (memory) => {
  for (let i = 0; i < memory.length; i += 65_536)
    memory.set(crypto.getRandomValues(new Uint8Array(Math.min(65_536, memory.length - i))), i);
};

type Options = Partial<Omit<ReferenceOptions, "map" | "ports">>;

async function compare(options: Options, frames: readonly Frame[]): Promise<Record<string, number>> {
  const engine = engineOptions(options);
  const harnesses = [await EngineHarness.create(engine, filled), await EngineHarness.create(engine, noise)];
  return expectEqual(harnesses, { ...DEFAULTS, ...options }, frames);
}

const VARIANTS: Options[] = [
  {},
  { depth: 4 },
  { restoreVlan: "always", lenient: true, checksums: "ignore" },
  { restoreVlan: "never", depth: 2, sequenceScope: "tunnel", time: "mirror" },
  { filter: { session: 100, vni: 5000 }, time: "mirror" },
  { sessions: 20, reassembly: { memory: 65_536, perSource: 8_192, timeout: 50_000_000n } },
];

describe("captures", () => {
  for (const { name, frames } of [...fixtures, ...sharedCaptures]) {
    test(name, async () => {
      for (const options of VARIANTS) await compare(options, frames);
    });
  }
});

describe("the shared build", () => {
  test("decides as the plain one does", async () => {
    const harness = await EngineHarness.create({}, filled, undefined, "shared");
    expectEqual(
      [harness],
      DEFAULTS,
      fixtures.flatMap(({ frames }) => frames),
    );
  });
});

describe("mutated packets", () => {
  for (const [variant, options] of VARIANTS.entries()) {
    const count = Math.ceil(MUTATIONS / VARIANTS.length);
    test(`${count} with ${describeOptions(options)}`, { timeout: 24 * 3_600_000 }, async () => {
      const stream = mutations(SEED * 1000 + variant, seeds);
      const seen: Record<string, number> = {};
      for (let done = 0; done < count; done += ROUND) {
        const frames = Array.from({ length: Math.min(ROUND, count - done) }, () => stream.next().value);
        const verdicts = await compare(options, frames);
        for (const [name, packets] of Object.entries(verdicts)) seen[name] = (seen[name] ?? 0) + packets;
      }
      // A mutator that no longer reaches the tunnels would test nothing.
      const share = ((seen.delivered ?? 0) + (seen.filtered ?? 0)) / count;
      expect(share).toBeGreaterThan(0.1);
    });
  }
});

function describeOptions(options: Options): string {
  return JSON.stringify(options, (_, value) => (typeof value === "bigint" ? `${value}` : value));
}
