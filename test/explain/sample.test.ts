// Packets that a worker sampled, explained: as `explain` tells of them, with the fate that the worker gave them.

import { describe, expect, onTestFinished, test } from "vitest";
import { explainerFor } from "../../src/cli/sample-explainer.js";
import type { LiveGatewayConfig } from "../../src/config/schema.js";
import { type Sample, Verdict } from "../../src/engine/index.js";
import { recordText } from "../../src/explain/index.js";
import * as make from "../reference/packets.js";
import { configOf, deliveryOf, explainFrames } from "./explained.js";

const YAML = `
sniffers:
- { name: a, deliver: mac, mac: "02:00:00:00:0a:01", rate: 1kbit, queue: 1 }
- { name: b, deliver: vxlan, to: 203.0.113.9, vni: 7, fit: drop }
tenants:
- { name: acme, sources: [{ encapsulation: vxlan, vni: 1 }], addresses: ["10.1.0.0/16"], sniffers: [a], rate: 1kbit }
- { name: globex, sources: [{ encapsulation: erspan, session: 5 }], sniffers: [b] }
`;
const CONFIG = configOf(YAML) as LiveGatewayConfig;
const inner = (from: string, length = 200) =>
  make.ethernet(0x0800, make.ipv4(17, new Uint8Array(length), { source: from }));
const vxlan = (frame: Uint8Array) =>
  make.ethernet(0x0800, make.ipv4(17, make.udp(4789, make.vxlan(1, frame))));
const erspan = (frame: Uint8Array) =>
  make.ethernet(
    0x0800,
    make.ipv4(47, make.gre(0x88be, make.erspan2(frame, { session: 5 }), { sequence: 1 })),
  );

const sampleOf = (frame: Uint8Array, verdict = Verdict.Delivered, time = 0n): Sample => ({
  generation: 1,
  tenant: 0,
  verdict,
  frame,
  original: frame.length,
  linkType: 1,
  time,
  worker: 0,
});

async function explainer() {
  const made = await explainerFor({ number: 1, config: CONFIG, origin: undefined });
  onTestFinished(() => made.dispose());
  return made;
}

describe("a sample", () => {
  test("is told of as explain does it", async () => {
    const frames = [vxlan(inner("10.1.0.5")), erspan(inner("10.9.0.1")), vxlan(inner("10.1.0.6"))];
    const { config, engine, map } = deliveryOf(YAML.replaceAll(/, rate: 1kbit/g, ""));
    const expected = await explainFrames(frames, { config, engine, map });
    const made = await explainer();
    for (const [i, frame] of frames.entries()) {
      const record = made.explain(sampleOf(frame, Verdict.Delivered, BigInt(i) * 1_000_000n))!;
      expect(JSON.parse(JSON.stringify(record))).toEqual(expected[i]);
      expect(recordText(record, { title: String, quiet: String, good: String, bad: String }, 80)).toContain(
        "delivered: ",
      );
    }
  });

  test("however many came before: rates and queues are the worker's", async () => {
    const made = await explainer();
    for (let i = 0; i < 2000; i++)
      expect(
        made.explain(sampleOf(vxlan(inner("10.1.0.5", 1400)), Verdict.Delivered, BigInt(i))),
      ).toMatchObject({
        verdict: "delivered",
        tenant: "acme",
        sniffers: ["a"],
        packet: i + 1,
      });
  });

  test.each([
    [Verdict.Rate, "rate", "over the rate of the tenant, or of its sniffer; otherwise vxlan 1"],
    [Verdict.QueueFull, "queue-full", "the sniffer was too slow; otherwise vxlan 1"],
    [Verdict.SendError, "send-error", "the sniffer could not be reached; otherwise vxlan 1"],
  ])("that the worker refused: %i", async (verdict, name, reason) => {
    const record = (await explainer()).explain(sampleOf(vxlan(inner("10.1.0.5")), verdict))!;
    expect(record.verdict).toBe(name);
    expect(record.reason.startsWith(reason), record.reason).toBe(true);
    expect([record.tenant, record.sniffers, record.deliveries]).toEqual(["acme", undefined, undefined]);
  });

  test("that is too large is so here, too", async () => {
    const record = (await explainer()).explain(sampleOf(erspan(inner("10.9.0.1", 1480)), Verdict.TooLarge))!;
    expect(record).toMatchObject({ verdict: "too-large", tenant: "globex" });
  });

  test.each([
    ["foreign", vxlan(inner("10.9.0.5"))],
    ["nobody's", inner("10.1.0.5")],
    ["cut", vxlan(inner("10.1.0.5")).subarray(0, 45)],
  ])("that is %s here, and was delivered there, is not told of", async (_, frame) => {
    expect((await explainer()).explain(sampleOf(frame))).toBeUndefined();
  });
});
