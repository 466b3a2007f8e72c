// From one capture into another by a live gateway: every capture that there is comes out as `decap --as-delivered` writes it. Time is the
// capture's own here, so that what depends on it is the same: rates, timeouts, ERSPAN III.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { readFrames } from "../../src/capture/index.js";
import { Recording } from "../../src/capture/recording.js";
import { type Clock, Replay } from "../../src/capture/replay.js";
import { configOf } from "../../src/config/check.js";
import type { GatewayInput } from "../../src/config/schema.js";
import { decap, type Report } from "../../src/datapath/index.js";
import { fixtures, sharedCaptures } from "../engine/corpus.js";
import { liveConfigOf, startInMemory } from "./memory-gateway.js";

const SNIFFERS = [
  { name: "mac", deliver: "mac", mac: "02:00:00:00:0a:01" },
  { name: "ip", deliver: "ip", mac: "02:00:00:00:0a:02", ip: "203.0.113.99", vlan: 7, rate: "1Mbit" },
  { name: "vxlan", deliver: "vxlan", to: "203.0.113.10", vni: 77, fit: "fragment", queue: 64 },
  { name: "geneve", deliver: "geneve", to: "2001:db8:ff::12", vni: 80 },
  { name: "gre", deliver: "gre", to: "203.0.113.13", key: 7, fit: "drop" },
  { name: "erspan3", deliver: "erspan3", to: "2001:db8:ff::15", session: 6 },
];
const ENCAPSULATIONS = ["erspan", "gre", "vxlan", "vxlan-gpe", "geneve", "tzsp", "hp-erm"];

function configuration(sniffers: readonly object[]): GatewayInput {
  const names = sniffers.map((sniffer) => (sniffer as { name: string }).name);
  const sources = ENCAPSULATIONS.map((encapsulation) => ({ encapsulation }));
  return {
    tunnel: { addresses: ["203.0.113.1", "2001:db8:ff::1"] },
    delivery: { mac: "02:00:00:00:0d:01" },
    sniffers,
    tenants: [{ name: "all", sources, sniffers: names }],
  } as GatewayInput;
}

const folder = mkdtempSync(join(tmpdir(), "spangate-replay-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function framesOf(path: string): Promise<string[]> {
  const frames: string[] = [];
  for await (const { data } of readFrames(path)) frames.push(Buffer.from(data).toString("hex"));
  return frames;
}

/** What decap writes for each of the sniffers, one behind another. */
async function expected(path: string, config: GatewayInput): Promise<{ frames: string[]; report: Report }> {
  const directory = mkdtempSync(join(folder, "decap-"));
  const request = { inputs: [path], config: configOf(config), engine: {}, directory, comments: false };
  const report = await decap({ ...request, asDelivered: true });
  expect(report.failure).toBeUndefined();
  const frames: string[] = [];
  for (const { name } of config.sniffers!)
    frames.push(...(await framesOf(join(directory, `${name}.pcapng`))));
  return { frames, report };
}

/** Begins with the first frame, and nobody waits for it. */
async function capturesClock(path: string): Promise<Clock> {
  let time = 0n;
  for await (const { timestamp } of readFrames(path)) {
    time = timestamp;
    break;
  }
  return {
    now: () => time,
    sleep: async (nanoseconds) => {
      time += BigInt(nanoseconds);
    },
  };
}

async function live(path: string, config: GatewayInput, format: string) {
  const gateway = await startInMemory(liveConfigOf(config));
  onTestFinished(async () => {
    await gateway.stop(0).catch(() => {});
  });
  const output = join(mkdtempSync(join(folder, "live-")), `out.${format}`);
  const [replay, recording] = [await Replay.open(path), await Recording.open(output)];
  const delivering = gateway.deliver(recording);
  const clock = await capturesClock(path);
  await replay.run(gateway.tunnel!, { speed: 1, window: gateway.window, clock });
  const status = await gateway.stop(100);
  await delivering;
  await recording.close();
  return { status, frames: await framesOf(output) };
}

describe.skipIf(process.platform !== "linux").each([...fixtures, ...sharedCaptures])("$name", ({ path }) => {
  test.each([
    ["one sniffer, in its order", "pcap", SNIFFERS.slice(0, 1)],
    ["sniffers of every kind", "pcapng", SNIFFERS],
  ])("%s", async (_, format, sniffers) => {
    const config = configuration(sniffers);
    const { status, frames } = await live(path, config, format);
    const { frames: wanted, report } = await expected(path, config);
    if (sniffers.length === 1) expect(frames).toEqual(wanted);
    else expect(frames.sort()).toEqual(wanted.sort());
    expect(status.counters).toEqual(report.counters);
    expect(status.sniffers).toEqual(report.sniffers);
  });
});
