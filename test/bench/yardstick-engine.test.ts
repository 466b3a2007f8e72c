// The engine and the yardstick come to the same, which the benchmark asks before it prints a ratio: on what is measured, and on
// mutated packets to sniffers of every kind.

import { afterAll, describe, expect, test } from "vitest";
import { EngineContender } from "../../bench/contender.js";
import { compileYardstick, Yardstick } from "../../bench/native.js";
import { type Contender, expectSameResults, type Scenario } from "../../bench/race.js";
import { BASE, scenarioOf as benchScenarioOf, DELIVER, type Setup } from "../../bench/scenarios.js";
import { WORKLOADS } from "../../bench/workloads.js";
import { seeds } from "../engine/corpus.js";
import { mutations } from "../reference/index.js";
import { image } from "./delivery-map.js";
import { decodeNatively, LEFT_OUT, scenarioOf } from "./yardstick-results.js";

const compiled = compileYardstick();
afterAll(() => compiled?.remove());

async function expectAllEqual(scenario: Scenario, rounds: number): Promise<void> {
  const contenders: Contender[] = [
    await EngineContender.create(scenario, false),
    await EngineContender.create(scenario, true),
    await Yardstick.start(compiled!, scenario, "one-pass"),
    await Yardstick.start(compiled!, scenario, "two-pass"),
  ];
  for (let round = 0; round < rounds; round++) await expectSameResults(contenders);
  for (const contender of contenders) contender.stop();
}

describe.skipIf(compiled === undefined)("what is measured", () => {
  const few: Partial<Setup> = { tenants: 40, sniffers: 20, flows: 60 };
  const setups: Partial<Setup>[] = [
    ...WORKLOADS.map(({ name }) => ({ encapsulation: name })),
    ...(Object.keys(DELIVER) as Setup["deliver"][]).map((deliver) => ({ deliver })),
    ...[64, 1500].map((innerBytes) => ({ innerBytes, deliver: "erspan2" as const })),
    { each: 2, fanout: "copy" },
    { each: 4, fanout: "balance" },
    { identities: 200 },
    { flows: 0 },
  ];
  test.each(setups)("%j", async (setup) => {
    await expectAllEqual(benchScenarioOf({ ...BASE, ...few, ...setup }), 3);
  });
});

describe.skipIf(compiled === undefined)("mutated packets", () => {
  test.each([
    ["to sniffers of every kind", {}],
    ["of more sessions than there is room for, which keep no route", { sessions: 20 }],
  ])("%s", async (_, options) => {
    const stream = mutations(9002, seeds);
    const map = image();
    // Longer ones take another kind of slot in the engine, of which there are few.
    const all = Array.from({ length: 20_000 }, () => stream.next().value).filter(
      ({ frame }) => frame.length < 1900,
    );
    const { packets } = await decodeNatively(compiled!, "one-pass", scenarioOf(all, {}, map));
    const frames = all.filter((_, i) => packets[i]!.verdict !== LEFT_OUT);
    expect(frames.length).toBeGreaterThan(all.length / 2);
    const scenario = scenarioOf(frames, options, map);
    await expectAllEqual(scenario, scenario.frames.length / scenario.inFlight);
  });
});
