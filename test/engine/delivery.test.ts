// Delivery in the engine equals the reference's: random maps with every kind of sniffer, mutated packets, random draining, in
// each way that a host can hand frames over. SPANGATE_MAPS says how many maps, SPANGATE_SEED where to begin.

import fc from "fast-check";
import { expect, test } from "vitest";
import { DEFAULTS, mutations } from "../reference/index.js";
import { engineOptions } from "./agreement.js";
import { seeds } from "./corpus.js";
import { ALL_WAYS, DeliveringEngine } from "./delivering.js";
import { decodeAll, expectDeliversEqually } from "./delivery-compare.js";
import { bothForms, randomMap, randomSteps } from "./random-delivery.js";

const MAPS = Number(process.env.SPANGATE_MAPS ?? 30);
const SEED = Number(process.env.SPANGATE_SEED ?? 1);
const PACKETS = 300;

const reassembly = { memory: 2 ** 20, perSource: 2 ** 18, timeout: 5_000_000_000n };
const VARIANTS = [
  {},
  { depth: 3 },
  { restoreVlan: "always", time: "mirror" },
  { sequenceScope: "tunnel" },
] as const;

test("random maps", { timeout: 24 * 3_600_000 }, async () => {
  const stream = mutations(SEED * 1000 + 77, seeds);
  const seen: Record<string, number> = {};
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(randomMap, async (random) => {
      const forms = bothForms(random);
      fc.pre(forms !== undefined);
      accepted++;
      const { reference: map, compiled } = forms;
      const steps = randomSteps(PACKETS, SEED * 100_000 + accepted, stream, map.sniffers);
      const options = { ...DEFAULTS, ...VARIANTS[accepted % VARIANTS.length], reassembly };
      const decoded = decodeAll({ ...options, map }, steps);
      const comparison = { map, options: random.delivery, steps, decoded };
      for (const way of ALL_WAYS) {
        const build = accepted % 8 === 0 && way === "slots" ? "shared" : "plain";
        const engine = await DeliveringEngine.create(way, compiled, engineOptions(options), build);
        const verdicts = expectDeliversEqually(engine, comparison);
        if (way === "slots") for (const name in verdicts) seen[name] = (seen[name] ?? 0) + verdicts[name]!;
      }
    }),
    { numRuns: MAPS, seed: SEED, endOnFailure: true },
  );
  for (const verdict of ["delivered", "too-large", "rate", "queue-full"]) {
    expect(seen[verdict], verdict).toBeGreaterThan(0);
  }
  if (process.env.SPANGATE_SHOW) console.info(seen, accepted);
});
