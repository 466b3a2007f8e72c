// The yardstick in C delivers what the reference delivers: every mode, choice and refusal, byte by byte and in order.

import { afterAll, describe, expect, test } from "vitest";
import { compileYardstick, type Passes, Yardstick } from "../../bench/native.js";
import type { Scenario } from "../../bench/race.js";
import { VERDICTS } from "../../src/engine/names.js";
import { seeds } from "../engine/corpus.js";
import type { Frame } from "../engine/harness.js";
import { DEFAULTS, mutations, ReferenceDecoder, ReferenceDelivery } from "../reference/index.js";
import { image, MTU, map, sniffers } from "./delivery-map.js";
import { LEFT_OUT, scenarioOf } from "./yardstick-results.js";

const compiled = compileYardstick();
afterAll(() => compiled?.remove());

const PACKETS = 40_000;

/** Frames by sniffer's name, in the order in which they left. */
type Deliveries = Record<string, string[]>;

async function deliverNatively(
  scenario: Scenario,
  passes: Passes,
): Promise<{ verdicts: number[]; sent: Deliveries }> {
  const rounds = scenario.frames.length / scenario.inFlight;
  const [judge, sender] = [
    await Yardstick.start(compiled!, scenario, passes),
    await Yardstick.start(compiled!, scenario, passes),
  ];
  const verdicts: number[] = [];
  const sent: Deliveries = {};
  for (let round = 0; round < rounds; round++) {
    for (const line of await judge.list("packets")) verdicts.push(Number(line.split(" ", 1)[0]));
    for (const line of await sender.list("deliveries")) {
      const [queue, ...words] = line.split(" ");
      const name = sniffers[Number(queue)]!.name as string;
      sent[name] ??= [];
      sent[name].push(words.join(" "));
    }
  }
  judge.stop();
  sender.stop();
  return { verdicts, sent };
}

function deliverByReference(frames: readonly Frame[], { inFlight, time }: Scenario) {
  const decoder = new ReferenceDecoder({ ...DEFAULTS, map });
  const delivery = new ReferenceDelivery(map, { mtu: MTU, addresses: map.gateway });
  const verdicts: string[] = [];
  const sent: Deliveries = {};
  for (const [i, { frame, originalLength, linkType }] of frames.entries()) {
    const [settled] = decoder.packet(
      i + 1,
      frame,
      originalLength,
      time.first + BigInt(i) * time.step,
      linkType,
    );
    verdicts.push(delivery.deliver(settled!.result).verdict);
    if ((i + 1) % inFlight !== 0 && i + 1 !== frames.length) continue;
    for (const { name } of map.sniffers) {
      for (const { frames: made, originalLength: original, time: at } of delivery.take(name)) {
        sent[name] ??= [];
        for (const each of made) sent[name].push(`${original} ${at} ${Buffer.from(each).toString("hex")}`);
      }
    }
  }
  return { verdicts, sent };
}

describe.skipIf(compiled === undefined)("delivery", () => {
  for (const [seed, passes] of [
    [9000, "one-pass"],
    [9001, "two-pass"],
  ] as const) {
    test(`${PACKETS} mutated packets to ${sniffers.length} sniffers, ${passes}`, async () => {
      const stream = mutations(seed, seeds);
      const all = Array.from({ length: PACKETS }, () => stream.next().value);
      const compiledMap = image();
      const first = await deliverNatively(scenarioOf(all, {}, compiledMap), passes);
      const frames = all.filter((_, i) => first.verdicts[i] !== LEFT_OUT);
      const scenario = scenarioOf(frames, {}, compiledMap);
      const native = await deliverNatively(scenario, passes);
      const reference = deliverByReference(frames, scenario);
      const names = native.verdicts.slice(0, frames.length).map((verdict) => VERDICTS[verdict]);
      expect(names).toEqual(reference.verdicts);
      for (const { name } of map.sniffers) {
        const [got, wanted] = [native.sent[name] ?? [], reference.sent[name] ?? []];
        for (let i = 0; i < Math.max(got.length, wanted.length); i++)
          expect(got[i], `${name}, delivery ${i}`).toBe(wanted[i]);
        expect(got.length, `${name} gets some`).toBeGreaterThan(5);
      }
      for (const refusal of ["rate", "queue-full", "too-large"]) expect(names).toContain(refusal);
      expect(native.sent["several-0"]!.length, "has a rate of its own").toBeLessThan(
        native.sent["several-1"]!.length,
      );
    });
  }
});
