// What the engine makes of the fixtures, against what their senders put in (test/fixtures/README.md).

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DEFAULT_OPTIONS, type EngineOptions } from "../../src/engine/index.js";
import type { ReferenceResult } from "../reference/index.js";
import { expectConservation } from "./compare.js";
import { type Capture, fixtures } from "./corpus.js";
import { EngineHarness } from "./harness.js";

/** One packet of a `.expected.json`, as far as it is compared here. */
interface Expected {
  packet: number;
  verdict: string;
  encapsulation?: string;
  session?: number;
  vni?: number;
  key?: number;
  sequence?: number;
  erspanType?: number;
  direction?: "in" | "out";
  truncated?: boolean;
  outerVlan?: number;
  hardwareId?: number;
  inner?: string;
  innerLength?: number;
  originalLength?: number;
  mirrorTimeNs?: string;
  checksumsIgnored?: Omit<Expected, "packet">;
  lenient?: Omit<Expected, "packet">;
  depth2?: Omit<Expected, "packet">;
}

const { decode } = DEFAULT_OPTIONS;
const VARIANTS: [keyof Expected | undefined, Partial<EngineOptions>][] = [
  [undefined, {}],
  ["checksumsIgnored", { decode: { ...decode, checksums: "ignore" } }],
  ["lenient", { decode: { ...decode, lenient: true } }],
  ["depth2", { decode: { ...decode, depth: 2 } }],
  ["mirrorTimeNs", { time: "mirror" }],
];

describe.each(fixtures)("$name", (capture) => {
  const { packets } = JSON.parse(readFileSync(capture.path.replace(".pcap", ".expected.json"), "utf8")) as {
    packets: Expected[];
  };
  test("has an expectation for each packet", () => {
    expect(packets.map(({ packet }) => packet)).toEqual(capture.frames.map((_, i) => i + 1));
  });

  for (const [variant, options] of VARIANTS) {
    const concerned = packets.filter((expected) => variant === undefined || expected[variant] !== undefined);
    if (concerned.length === 0) continue;
    test(variant ?? "as it is", async () => {
      const results = await run(capture, options);
      for (const expected of concerned) {
        const { packet, mirrorTimeNs } = expected;
        const differing = variant === undefined ? {} : expected[variant];
        expectPacket(results.get(packet)!, { ...expected, ...(differing as object) }, packet);
        if (variant === "mirrorTimeNs")
          expect(results.get(packet)!.time, `packet ${packet}`).toBe(BigInt(mirrorTimeNs!));
      }
    });
  }
});

async function run(
  { frames }: Capture,
  options: Partial<EngineOptions>,
): Promise<Map<number, ReferenceResult>> {
  const harness = await EngineHarness.create(options);
  const settled = [...harness.run(frames), ...harness.finish()];
  expectConservation(harness.engine);
  return new Map(settled.map(({ packet, result }) => [packet, result]));
}

function expectPacket(result: ReferenceResult, expected: Expected, packet: number): void {
  const where = `packet ${packet}`;
  expect(result.verdict, where).toBe(expected.verdict);
  if (expected.verdict !== "delivered") return;
  const { encapsulation, session, vni, key, inner, innerLength, ...fields } = expected;
  expect(result.encapsulation, where).toBe(encapsulation);
  expect(result.id, where).toBe(session ?? vni ?? key);
  for (const field of [
    "sequence",
    "erspanType",
    "direction",
    "truncated",
    "outerVlan",
    "hardwareId",
    "originalLength",
  ] as const) {
    if (fields[field] !== undefined) expect(result[field], `${where} ${field}`).toBe(fields[field]);
  }
  if (innerLength !== undefined) expect(result.inner!.length, where).toBe(innerLength);
  if (inner !== undefined)
    expect(createHash("sha256").update(result.inner!).digest("hex"), where).toBe(inner);
}
