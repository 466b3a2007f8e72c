// The session table as it grows: the index is made anew under sessions that are known, and each keeps its entry.

import { expect, test } from "vitest";
import { DEFAULT_OPTIONS } from "../../src/engine/index.js";
import { erspan2, ethernet, gre, ipv4 } from "../reference/packets.js";
import { EngineHarness, type Frame } from "./harness.js";

const CAPACITY = 6000;
const inner = ethernet(0x0800, ipv4(6, []));

function mirrored(session: number, sequence: number): Frame {
  const source = `10.77.${session >> 8}.${session & 0xff}`;
  const erspan = gre(0x88be, erspan2(inner, { session: session & 0x3ff }), { sequence });
  const frame = ethernet(0x0800, ipv4(47, erspan, { source }));
  return { frame, originalLength: frame.length, time: 0n, linkType: 1 };
}

test.each(["session", "tunnel"] as const)("sequence scope %s", async (sequenceScope) => {
  const decode = { ...DEFAULT_OPTIONS.decode, sequenceScope };
  const harness = await EngineHarness.create({ sessions: 2 * CAPACITY, decode });
  const numbers = Array.from({ length: CAPACITY }, (_, i) => i);
  harness.run(numbers.flatMap((i) => [mirrored(i, 1), mirrored(i >> 1, 2 + i)]));
  harness.run(numbers.map((i) => mirrored(i, 2 * CAPACITY)));
  const sessions = [...harness.engine.sessions];
  expect(sessions).toHaveLength(CAPACITY);
  expect(sessions.map(({ source }) => source)).toEqual(numbers.map((i) => `10.77.${i >> 8}.${i & 0xff}`));
  expect(sessions.map(({ packets }) => packets)).toEqual(numbers.map((i) => (i < CAPACITY / 2 ? 4 : 2)));
});
