// The comparison of engine and reference: verdict and every byte, packet for packet, and the accounts at the end.

import { expect } from "vitest";
import type { Engine } from "../../src/engine/index.js";
import { ReferenceDecoder, type ReferenceOptions, type ReferenceResult } from "../reference/index.js";
import type { EngineHarness, EngineSettled, Frame } from "./harness.js";

/** One packet's result as text, so that a difference reads well. What is known of a packet that failed is not compared. */
function text({ verdict, inner, sniffers: _, ...rest }: ReferenceResult): string {
  if (inner === undefined) return verdict;
  // Only a delivered frame is dressed (synthetic header, restored tag).
  const bytes = verdict === "delivered" ? Buffer.from(inner).toString("hex") : inner.length;
  const fields = Object.entries({ ...rest, bytes }).filter(([, value]) => value !== undefined);
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `${verdict} ${fields.map(([name, value]) => `${name}=${value}`).join(" ")}`;
}

/** Texts by packet number, once each. */
function byPacket(settled: readonly EngineSettled[]): Map<number, string> {
  const texts = new Map<number, string>();
  for (const { packet, result } of settled) {
    expect(texts.has(packet), `packet ${packet} is settled once`).toBe(false);
    texts.set(packet, text(result));
  }
  return texts;
}

/** Runs both over `frames` and fails on the first difference. Gives how often each verdict came. */
export function expectEqual(
  harnesses: readonly EngineHarness[],
  options: ReferenceOptions,
  frames: readonly Frame[],
): Record<string, number> {
  const reference = new ReferenceDecoder(options);
  const expected = frames.flatMap(({ frame, originalLength, time, linkType }, i) =>
    reference.packet(i + 1, frame, originalLength, time, linkType),
  );
  const expectedTexts = byPacket([...expected, ...reference.finish()]);
  for (const harness of harnesses) {
    const texts = byPacket([...harness.run(frames), ...harness.finish()]);
    for (const [i, frame] of frames.entries()) {
      if (texts.get(i + 1) !== expectedTexts.get(i + 1)) {
        expect
          .soft(texts.get(i + 1), `packet ${i + 1}: ${describeFrame(frame)}`)
          .toBe(expectedTexts.get(i + 1));
        break;
      }
    }
    expect(sessionsOf(harness.engine)).toEqual(
      reference.sessions().map(({ hasSequence: _, ...session }) => session),
    );
    expectAccounts(harness.engine, reference.counters);
  }
  return reference.counters.verdicts;
}

function describeFrame({ frame, linkType, originalLength }: Frame): string {
  return `link type ${linkType}, original length ${originalLength}, ${Buffer.from(frame).toString("hex")}`;
}

function sessionsOf(engine: Engine): object[] {
  return [...engine.sessions].map(({ sequence, encapsulation, source, destination, id, packets, bytes }) => ({
    encapsulation,
    source,
    destination,
    ...(id === undefined ? {} : { id }),
    packets,
    bytes,
    lost: sequence?.lost ?? 0,
    reordered: sequence?.reordered ?? 0,
    duplicates: sequence?.duplicates ?? 0,
    restarts: sequence?.restarts ?? 0,
  }));
}

function expectAccounts(engine: Engine, expected: ReferenceDecoder["counters"]): void {
  const counters = engine.counters();
  const { verdicts, received, held, ...others } = expected;
  expect(counters).toMatchObject({ ...verdicts, received, held });
  expect({
    fragmentDuplicates: counters["fragment-duplicates"],
    unverifiable: counters["checksum-unverifiable"],
    criticalOptions: counters["critical-options"],
    unknownGranularity: counters["unknown-granularity"],
    untracked: counters.untracked,
  }).toEqual(others);
  expectConservation(engine);
}

/** received = delivered + reassembled + held + every other verdict. */
export function expectConservation(engine: Engine): void {
  const { received, held, ...rest } = engine.counters();
  let settled = held;
  for (const [name, count] of Object.entries(rest)) if (!BESIDE.has(name)) settled += count;
  expect(settled).toBe(received);
}

/** Counters that are no verdicts. */
const BESIDE = new Set([
  "fragment-duplicates",
  "checksum-unverifiable",
  "critical-options",
  "unknown-granularity",
  "untracked",
]);
