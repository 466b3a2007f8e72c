// Every packet of every capture: one record each, in order, and what the recipes of the fixtures say it is.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { readFrames } from "../../src/capture/index.js";
import type { PacketRecord } from "../../src/explain/index.js";
import { explainFile, mapOf } from "./explained.js";

const FIXTURES = fileURLToPath(new URL("../fixtures/", import.meta.url));
const SHARED = fileURLToPath(new URL("../../../shared/captures/", import.meta.url));

const captures = readdirSync(FIXTURES).filter((name) => name.endsWith(".pcap"));
const shared = existsSync(SHARED) ? readdirSync(SHARED).filter((name) => name.endsWith(".pcap")) : [];
if (shared.length === 0)
  console.warn(`${SHARED} is not there: the captures of other projects are not explained`);

type Expected = Record<string, unknown> & { packet: number; verdict: string };

/** What the expectations name that a record has under the same name. */
const SAME = [
  "packet",
  "verdict",
  "encapsulation",
  "erspanType",
  "session",
  "vni",
  "key",
  "sequence",
  "outerVlan",
  "direction",
  "innerLength",
  "originalLength",
] as const;

function expectations(name: string): Expected[] {
  const file = FIXTURES + name.replace(/\.pcap$/, ".expected.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { packets: Expected[] }).packets;
}

async function framesOf(path: string): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  for await (const { data } of readFrames(path)) frames.push(data);
  return frames;
}

describe("fixtures are explained as they were made", () => {
  test.each(captures)("%s", async (name) => {
    const records = await explainFile(FIXTURES + name);
    const frames = await framesOf(FIXTURES + name);
    const expected = expectations(name);
    expect(records.length).toBe(expected.length);
    for (const [i, record] of records.entries()) {
      const wanted = expected[i]!;
      for (const field of SAME) {
        if (wanted[field] !== undefined)
          expect([i + 1, field, record[field]]).toEqual([i + 1, field, wanted[field]]);
      }
      expect(record.reason).not.toBe("");
      if (record.restoredVlan === undefined && !record.synthetic && !record.reassembled) {
        expectInner(record, frames[i]!, wanted);
      }
      expectWithin(record, frames[i]!);
    }
  });
});

/** The inner frame lies where the record says: its bytes are those that went in. */
function expectInner(
  { packet, innerOffset, innerLength }: PacketRecord,
  frame: Uint8Array,
  wanted: Expected,
) {
  if (innerOffset === undefined || wanted.inner === undefined) return;
  const inner = frame.subarray(innerOffset, innerOffset + innerLength!);
  expect([packet, createHash("sha256").update(inner).digest("hex")]).toEqual([packet, wanted.inner]);
}

/** Headers lie in the frame, each behind the one before. */
function expectWithin({ headers, capturedLength }: PacketRecord, frame: Uint8Array) {
  expect(capturedLength).toBe(frame.length);
  let last = 0;
  for (const { offset, length, datagram, name } of headers.filter((header) => !header.datagram)) {
    expect(offset, name).toBeGreaterThanOrEqual(last);
    expect(datagram).toBeUndefined();
    if (!name.startsWith("inner")) expect(offset + length, name).toBeLessThanOrEqual(frame.length);
    last = offset;
  }
}

test("the demonstration's packets and tenants", async () => {
  const map = mapOf(readFileSync(`${FIXTURES}demo-mixed.yaml`, "utf8"));
  const records = await explainFile(`${FIXTURES}demo-mixed.pcap`, { map });
  const expected = expectations("demo-mixed.pcap");
  expect(records.map(({ verdict, tenant }) => [verdict, tenant])).toEqual(
    expected.map(({ verdict, decap, tenant }) => [
      decap ?? verdict,
      (decap ?? verdict) === "delivered" ? tenant : undefined,
    ]),
  );
  for (const record of records.filter(({ rule }) => rule !== undefined)) {
    expect(record.reason).toContain(`rule ${record.rule}: `);
    if (record.claim !== undefined) expect(record.reason).toContain(record.claim.path);
  }
});

describe.skipIf(shared.length === 0)("captures of other projects", () => {
  test.each(shared)("%s", async (name) => {
    const records = await explainFile(SHARED + name);
    const frames = await framesOf(SHARED + name);
    expect(records.map(({ packet }) => packet)).toEqual(frames.map((_, i) => i + 1));
    for (const record of records)
      expect(record.reason).not.toMatch(/undefined|NaN|not all there|is not supported/);
  });
});
