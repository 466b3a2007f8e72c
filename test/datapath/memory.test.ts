// A live gateway with memory in place of both interfaces: frames of any length, who does not take what goes out, and the end.

import { describe, expect, onTestFinished, test } from "vitest";
import { statusDocument } from "../../src/control/status.js";
import type { FrameSink } from "../../src/transmit/memory-delivery.js";
import { expectBalance } from "../live/gateway.js";
import { tunnelFrames, type Underlay } from "../live/tunnel-packets.js";
import { until } from "../live/until.js";
import { liveConfigOf, MemoryGateway, startInMemory } from "./memory-gateway.js";

const MAC = Uint8Array.of(2, 0, 0, 0, 0x0a, 1);
const V4: Underlay = {
  from: "192.0.2.1",
  to: "192.0.2.2",
  fromMac: "02:00:5e:00:00:01",
  toMac: "02:00:5e:00:00:02",
};
/** Places of the ring between the worker and who takes. */
const RING = 2048;

function config(sniffer: object = {}) {
  return {
    sniffers: [{ name: "acme", deliver: "mac", mac: "02:00:00:00:0a:01", ...sniffer }],
    tenants: [{ name: "acme", sources: [{ encapsulation: "vxlan", vni: 1 }], sniffers: ["acme"] }],
  };
}
function inner(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) =>
    at < 12 ? 2 : at === 12 ? 0x88 : at === 13 ? 0xb5 : at * 7 + seed,
  );
}
const mirrored = (frames: readonly Uint8Array[], underlay = V4) =>
  frames.flatMap((frame, i) => tunnelFrames("vxlan", 1, frame, i, underlay));
const hex = (frame: Uint8Array) => Buffer.from(frame).toString("hex");
const delivered = (frame: Uint8Array) => hex(Uint8Array.of(...MAC, ...frame.subarray(6)));
const numbered = (count: number) => Array.from({ length: count }, (_, i) => inner(60 + (i % 100), i));

describe.skipIf(process.platform !== "linux")("a gateway in memory", () => {
  test.each([
    ["whole", V4],
    ["in fragments", { ...V4, mtu: 9000 }],
  ])("frames of any length, %s", async (_, underlay) => {
    const gateway = await MemoryGateway.start(config());
    const frames = [60, 1900, 1934, 1935, 2000, 9000, 30_000, 34_816, 34_817, 65_400].map(inner);
    await gateway.send(mirrored(frames, underlay));
    const status = await gateway.stop();
    expect(gateway.frames.map(hex)).toEqual(frames.map(delivered));
    expectBalance(statusDocument(status) as never);
  });

  test("takes its time from who hands the frames over", async () => {
    // The bucket holds what a second or the longest frame takes; at one and the same time no more comes through, however long that lasts.
    const gateway = await MemoryGateway.start(config({ rate: "1Mbit" }));
    const frames = mirrored(Array.from({ length: 200 }, (_, i) => inner(1000, i)));
    const start = 1_700_000_000_000_000_000n;
    const sent = () => gateway.gateway.status(100).sniffers.get("acme")!.sent;
    await gateway.send(frames, start);
    await gateway.tunnel.done("settled");
    const first = sent();
    expect(first).toBeLessThan(150);
    await gateway.send(frames, start);
    await gateway.tunnel.done("settled");
    expect(sent()).toBe(first);
    await gateway.send(frames, start + 10_000_000_000n);
    await gateway.tunnel.done("settled");
    expect(sent()).toBe(2 * first);
  });

  test("what nobody takes fills the ring and the queue; the rest is counted, and what waits goes out in the end", async () => {
    const gateway = await MemoryGateway.start(config({ queue: 100 }), 0);
    const frames = numbered(8000);
    await gateway.send(mirrored(frames));
    const waiting = gateway.gateway.status(100).sniffers.get("acme")!;
    expect(waiting).toMatchObject({ offered: 8000, sent: 0 });
    expect(waiting.queued + waiting.inFlight).toBe(waiting.offered - waiting.droppedNewest);
    expect(waiting.queued).toBe(100);
    gateway.open();
    const status = await gateway.stop();
    const accounts = status.sniffers.get("acme")!;
    expect(accounts).toMatchObject({ sent: gateway.frames.length, queued: 0, inFlight: 0 });
    expect(accounts.sent).toBeGreaterThanOrEqual(RING);
    // In their order, some left out.
    let next = 0;
    for (const frame of gateway.frames.map(hex)) {
      while (next < frames.length && delivered(frames[next]!) !== frame) next++;
      expect(next++).toBeLessThan(frames.length);
    }
  });

  test("ends at its deadline when nobody takes anything, with even accounts", async () => {
    const gateway = await MemoryGateway.start(config(), 10);
    await gateway.send(mirrored(numbered(50)));
    await until(
      () => gateway.frames.length === 10,
      () => "ten frames",
    );
    const status = await gateway.stop(100);
    expectBalance(statusDocument(status) as never);
    const { sent, queued, inFlight } = status.sniffers.get("acme")!;
    expect(sent + queued + inFlight).toBe(50);
    expect(sent).toBeLessThanOrEqual(10);
  });

  test("takes nothing after its end", async () => {
    const gateway = await MemoryGateway.start(config());
    await gateway.stop();
    expect(gateway.tunnel.push([{ data: inner(60, 1) }], 0n)).toBe(0);
    await gateway.tunnel.pushAll([{ data: inner(60, 1) }], () => 0n);
    await gateway.tunnel.done("settled");
  });

  test("tells when what was pushed is out", async () => {
    const gateway = await MemoryGateway.start(config());
    for (let round = 1; round <= 50; round++) {
      await gateway.send(mirrored(numbered(20)));
      await gateway.tunnel.done("settled");
      expect(gateway.frames.length).toBe(20 * round);
      expect(gateway.gateway.status(100).sniffers.get("acme")).toMatchObject({ sent: 20 * round });
    }
  });

  test("what goes wrong with who takes is told, and frames stay where they are", async () => {
    const gateway = await startInMemory(liveConfigOf(config()));
    onTestFinished(async () => {
      await gateway.stop(0);
    });
    const sink: FrameSink = {
      accept: () => false,
      ready: () => Promise.reject(new Error("no more")),
      idle: async () => {},
    };
    const delivering = gateway.deliver(sink);
    await gateway.tunnel!.pushAll(
      mirrored(numbered(5)).map((data) => ({ data })),
      () => 0n,
    );
    await expect(delivering).rejects.toThrow("no more");
    expect(gateway.status(100).sniffers.get("acme")).toMatchObject({ sent: 0, offered: 5 });
  });
});
