// The session table as it grows: the index is made anew under sessions that are known, and each keeps its entry.

import { expect, test } from "vitest";
import { DEFAULT_OPTIONS, type Session, worstSessions } from "../../src/engine/index.js";
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

test.each(["session", "tunnel"] as const)("the worst of them, sequence scope %s", async (sequenceScope) => {
  const decode = { ...DEFAULT_OPTIONS.decode, sequenceScope };
  const harness = await EngineHarness.create({ sessions: 2 * CAPACITY, decode });
  const numbers = Array.from({ length: CAPACITY }, (_, i) => i);
  // Some lose nothing, and no two of the others lose as much; of one that lost nothing there are more or less packets.
  const lost = (i: number) => (i % 3 === 0 ? 0 : ((i * 7919) % CAPACITY) + 1);
  harness.run(numbers.flatMap((i) => [mirrored(i, 1), mirrored(i, 2 + lost(i))]));
  harness.run(numbers.flatMap((i) => (i % 30 === 0 ? [mirrored(i, 3)] : [])));
  const { sessions: table } = harness.engine;
  const all = [...table].sort(
    (a, b) => (b.sequence?.lost ?? 0) - (a.sequence?.lost ?? 0) || b.packets - a.packets,
  );
  for (const most of [0, 1, 100, CAPACITY - 1, CAPACITY, 3 * CAPACITY]) {
    const { sessions, count } = worstSessions([table], most);
    expect(count).toBe(CAPACITY);
    expect(sessions.map(rank)).toEqual(all.slice(0, most).map(rank));
  }
  const [first] = worstSessions([table, table], 2).sessions;
  expect(first).toEqual(all[0]);
});

const rank = ({ sequence, packets }: Session) => [sequence?.lost ?? 0, packets];
