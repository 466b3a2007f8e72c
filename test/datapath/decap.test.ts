// What decap writes: to each sniffer its tenant's frames and nobody else's, also where tenants use the same addresses.

import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { readFrames } from "../../src/capture/index.js";
import { parseConfig } from "../../src/config/load.js";
import type { GatewayConfig } from "../../src/config/schema.js";
import { decap, type Report } from "../../src/datapath/index.js";
import { fixtures } from "../engine/corpus.js";

let folder = "";
const made: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "spangate-decap-"));
  made.push(folder);
});
afterAll(() => {
  for (const path of made) rmSync(path, { recursive: true });
});

const path = (name: string) => fixtures.find((capture) => capture.name === name)!.path;

function configOf(text: string): GatewayConfig {
  const parsed = parseConfig(text, "gateway.yaml");
  if ("mistakes" in parsed) throw new Error(JSON.stringify(parsed.mistakes));
  return parsed.config;
}

async function run(config: GatewayConfig, ...names: string[]): Promise<Report> {
  return decap({ inputs: names.map(path), config, engine: {}, directory: folder, comments: false });
}

async function framesFor(sniffer: string): Promise<Buffer[]> {
  const frames: Buffer[] = [];
  for await (const { data } of readFrames(join(folder, `${sniffer}.pcapng`))) frames.push(Buffer.from(data));
  return frames;
}

/** Two tenants told apart by session and VNI only. */
const overlapping = (extra = "") => `
sniffers: [{ name: acme-ids }, { name: acme-copy }, { name: globex-ids }]
tenants:
  - name: acme
    sources: [{ encapsulation: erspan, session: 100 }, { encapsulation: vxlan, vni: 5000 }]
    sniffers: [acme-ids, acme-copy]
    ${extra}
  - name: globex
    sources: [{ encapsulation: erspan, session: 200 }, { encapsulation: vxlan, vni: 6000 }]
    sniffers: [globex-ids]
`;
/** The tenants' machines have these in their MAC addresses (test/fixtures/frames.py). */
const ACME = Buffer.from("02aabbccdd", "hex");
const GLOBEX = Buffer.from("02aabbccee", "hex");

describe("tenants with the same addresses", () => {
  test.each(["ovs-erspan2-overlap", "ovs-vxlan-overlap"])("%s", async (name) => {
    const { counters, failure } = await run(configOf(overlapping()), name);
    expect(failure).toBeUndefined();
    const acme = await framesFor("acme-ids");
    const globex = await framesFor("globex-ids");
    expect(acme.length).toBe(15);
    expect(acme.length + globex.length).toBe(counters.delivered);
    for (const frame of acme) expect(frame.includes(ACME) && !frame.includes(GLOBEX)).toBe(true);
    for (const frame of globex) expect(frame.includes(GLOBEX) && !frame.includes(ACME)).toBe(true);
    expect(await framesFor("acme-copy")).toEqual(acme);
  });
});

describe("accounts", () => {
  test("a row for each tenant, sniffer and encapsulation; loss by sequence numbers", async () => {
    const { deliveries } = await run(configOf(overlapping()), "ovs-erspan2", "ovs-vxlan");
    expect(deliveries).toEqual([
      {
        tenant: "acme",
        sniffer: "acme-ids",
        encapsulation: "erspan",
        packets: 15,
        bytes: 1985,
        loss: { lost: 14, expected: 29 },
      },
      { tenant: "acme", sniffer: "acme-ids", encapsulation: "vxlan", packets: 15, bytes: 1985 },
      {
        tenant: "acme",
        sniffer: "acme-copy",
        encapsulation: "erspan",
        packets: 15,
        bytes: 1985,
        loss: { lost: 14, expected: 29 },
      },
      { tenant: "acme", sniffer: "acme-copy", encapsulation: "vxlan", packets: 15, bytes: 1985 },
      {
        tenant: "globex",
        sniffer: "globex-ids",
        encapsulation: "erspan",
        packets: 15,
        bytes: 1991,
        loss: { lost: 14, expected: 29 },
      },
      { tenant: "globex", sniffer: "globex-ids", encapsulation: "vxlan", packets: 15, bytes: 1991 },
    ]);
  });

  test("snaplen cuts what is written and keeps the original length", async () => {
    await run(configOf(overlapping("snaplen: 60")), "ovs-erspan2");
    for await (const { data, originalLength } of readFrames(join(folder, "acme-ids.pcapng"))) {
      expect(data.length).toBe(Math.min(60, originalLength));
    }
  });

  test("what only live delivery does is said, not ignored", async () => {
    const { notices } = await run(configOf(overlapping("fanout: balance")), "ovs-erspan2");
    expect(notices).toEqual([expect.stringContaining("fanout: balance of acme")]);
  });
});

describe("quarantine", () => {
  const nobody = "{}";

  test("keeps unmapped packets as they came, for their owner's eyes only", async () => {
    const file = join(folder, "unmapped.pcapng");
    const { counters } = await decap({
      inputs: [path("scapy-outer-link"), path("kernel-erspan3")],
      config: configOf(nobody),
      engine: {},
      directory: folder,
      quarantine: { file, limit: 2 ** 20 },
      comments: false,
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const written: Buffer[] = [];
    for await (const { data } of readFrames(file)) written.push(Buffer.from(data));
    expect(written.length).toBe(counters.unmapped);
    const original = fixtures
      .find(({ name }) => name === "kernel-erspan3")!
      .frames.map(({ frame }) => Buffer.from(frame));
    expect(written.slice(-original.length)).toEqual(original);
  });

  test("stops at its limit, and says how many were not written", async () => {
    const file = join(folder, "unmapped.pcapng");
    const request = { config: configOf(nobody), engine: {}, directory: folder, comments: false };
    const inputs = [path("kernel-erspan2"), path("kernel-erspan3")];
    const { notices, counters, files } = await decap({
      ...request,
      inputs,
      quarantine: { file, limit: 5000 },
    });
    expect(statSync(file).size).toBeLessThanOrEqual(5000);
    const kept = files.find((each) => each.path === file)!.packets;
    expect(kept).toBeGreaterThan(0);
    expect(notices).toEqual([expect.stringContaining(`${counters.unmapped - kept} packets were counted`)]);
  });
});

describe("more sessions than the table holds", () => {
  test("are delivered to every sniffer, in files whose interfaces are declared", async () => {
    const request = { inputs: [path("ovs-vxlan"), path("ovs-erspan2")], config: configOf(overlapping()) };
    const engine = { sessions: 1 };
    const { counters } = await decap({ ...request, engine, directory: folder, comments: false });
    expect(counters.untracked).toBe(45);
    expect((await framesFor("acme-ids")).length).toBe(30);
    expect(await framesFor("acme-copy")).toEqual(await framesFor("acme-ids"));
  });
});

describe("a file that cannot be made", () => {
  test("is an error before anything is read", async () => {
    mkdirSync(join(folder, "globex-ids.pcapng"));
    await expect(run(configOf(overlapping()), "ovs-vxlan")).rejects.toMatchObject({ code: "IO_FAILED" });
  });
});
