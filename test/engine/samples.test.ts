// Samples of a watched tenant: whole frames as they came, of that tenant alone, no more than are allowed.

import { describe, expect, test } from "vitest";
import { SAMPLE_MOST, SAMPLES } from "../../assembly/memory/layout.js";
import { Engine, VERDICTS } from "../../src/engine/index.js";
import { compileMap } from "../../src/mapping/index.js";
import { configOf } from "../explain/explained.js";
import * as make from "../reference/packets.js";

const CONFIG = `
sniffers:
- { name: a, deliver: mac, mac: "02:00:00:00:0a:01", queue: 2 }
- { name: b, deliver: vxlan, to: 203.0.113.9, vni: 7 }
- { name: c, deliver: mac, mac: "02:00:00:00:0c:01", vlan: 3 }
sharedSources: [{ encapsulation: gre, key: 9 }]
tenants:
- { name: acme, sources: [{ encapsulation: vxlan, vni: 1 }], sniffers: [a] }
- { name: globex, sources: [{ encapsulation: vxlan, vni: 2 }], addresses: ["10.2.0.0/16"], sniffers: [b] }
- { name: initech, sources: [{ encapsulation: vxlan, vni: 3 }], addresses: ["10.3.0.0/16"], sniffers: [c] }
`;
const MAP = compileMap(configOf(CONFIG), { delivery: "configured" });
const [ACME, GLOBEX, INITECH] = [0, 1, 2] as const;

const inside = (from: string, mark: number, length = 60) =>
  make.ethernet(
    0x0800,
    make.ipv4(17, new Uint8Array(length).fill(mark), { source: from, destination: "192.0.2.77" }),
  );
const vxlan = (vni: number, inner: Uint8Array) =>
  make.ethernet(0x0800, make.ipv4(17, make.udp(4789, make.vxlan(vni, inner))));
const gre = (inner: Uint8Array) => make.ethernet(0x0800, make.ipv4(47, make.gre(0x6558, inner, { key: 9 })));

class Bed {
  #time = 0;
  private constructor(
    readonly engine: Engine,
    readonly generation: number,
  ) {}

  static async create(fastPath = true): Promise<Bed> {
    const engine = await Engine.create({ fastPath });
    return new Bed(engine, engine.replaceMap(MAP.image));
  }

  /** One batch, from slots, and everything that is queued sent. */
  process(frames: readonly Uint8Array[]): string[] {
    const { engine } = this;
    const { batch, slots, deliveries } = engine;
    for (const frame of frames) {
      const slot = slots.take(frame.length);
      const address = slots.address(slot);
      engine.memory.u8.set(frame, address);
      batch.pushSlot(slot, address, frame.length, frame.length, 0, ++this.#time, 1);
    }
    engine.process();
    const verdicts = frames.map((_, i) => VERDICTS[batch.verdict(i)]!);
    batch.clear();
    while (deliveries.take() > 0) deliveries.settle();
    return verdicts;
  }
}

const text = (frame: Uint8Array) => Buffer.from(frame).toString("hex");

describe.each([true, false])("fast path: %s", (fastPath) => {
  test("the frame as it came, though it was rewritten where it lay", async () => {
    const bed = await Bed.create(fastPath);
    const { samples } = bed.engine;
    samples.watch(bed.generation, ACME);
    samples.allow(1);
    const frame = vxlan(1, inside("10.1.0.5", 1));
    expect(bed.process([frame])).toEqual(["delivered"]);
    const [sample] = samples.take();
    expect(sample).toMatchObject({
      generation: 1,
      tenant: ACME,
      verdict: 0,
      original: frame.length,
      worker: 0,
    });
    expect(text(sample!.frame)).toBe(text(frame));
    expect(sample!.time).toBe(1n);
    expect(samples.take()).toEqual([]);
  });

  test("only of packets whose tenant was found to be it", async () => {
    const bed = await Bed.create(fastPath);
    const { samples } = bed.engine;
    const frames = [
      vxlan(1, inside("10.1.0.5", 1)),
      vxlan(2, inside("10.2.0.5", 2)),
      vxlan(2, inside("10.9.0.5", 3)), // foreign to globex
      vxlan(3, inside("10.3.0.5", 4)),
      vxlan(4, inside("10.3.0.5", 5)), // nobody's
      gre(inside("10.2.0.6", 6)),
      gre(inside("10.3.0.6", 7)),
      gre(inside("10.9.0.6", 8)),
      inside("10.2.0.7", 9), // in no tunnel
    ];
    const whose = new Map([
      [ACME, [0]],
      [GLOBEX, [1, 5]],
      [INITECH, [3, 6]],
    ]);
    for (const [tenant, own] of whose) {
      samples.watch(bed.generation, tenant);
      const seen = new Set<number>();
      for (let round = 0; round < 400; round++) {
        samples.allow(2);
        bed.process(frames);
        for (const sample of samples.take()) {
          expect(sample.tenant).toBe(tenant);
          seen.add(frames.findIndex((frame) => text(frame) === text(sample.frame)));
        }
      }
      expect([...seen].sort()).toEqual(own);
    }
  });

  test("with what became of them", async () => {
    const bed = await Bed.create(fastPath);
    const { samples } = bed.engine;
    samples.watch(bed.generation, ACME);
    const frames = Array.from({ length: 5 }, (_, i) => vxlan(1, inside("10.1.0.5", i)));
    const seen = new Set<string>();
    for (let round = 0; round < 100; round++) {
      samples.allow(1);
      const verdicts = bed.process(frames);
      expect(verdicts).toEqual(["delivered", "delivered", "queue-full", "queue-full", "queue-full"]);
      for (const { frame, verdict } of samples.take()) {
        const place = frames.findIndex((other) => text(other) === text(frame));
        expect(VERDICTS[verdict]).toBe(verdicts[place]);
        seen.add(VERDICTS[verdict]!);
      }
    }
    expect([...seen].sort()).toEqual(["delivered", "queue-full"]);
  });

  test("no more than are allowed, and none of another map", async () => {
    const bed = await Bed.create(fastPath);
    const { samples } = bed.engine;
    const batch = () => {
      for (let i = 0; i < 100; i++) bed.process([vxlan(1, inside("10.1.0.5", i))]);
    };
    batch();
    expect(samples.take()).toEqual([]);
    samples.watch(bed.generation, ACME);
    batch();
    expect(samples.take()).toEqual([]);
    samples.allow(3);
    batch();
    expect(samples.take()).toHaveLength(3);
    samples.allow(1000);
    batch();
    expect(samples.take()).toHaveLength(SAMPLES);
    samples.allow(5);
    bed.engine.replaceMap(MAP.image);
    batch();
    expect(samples.take()).toEqual([]);
    samples.watch(bed.engine.generation, ACME);
    samples.allow(5);
    samples.stop();
    batch();
    expect(samples.take()).toEqual([]);
  });
});

test("a frame longer than a sample is cut, one put together from fragments is not shown", async () => {
  const bed = await Bed.create();
  const { samples } = bed.engine;
  samples.watch(bed.generation, ACME);
  samples.allow(5);
  const long = vxlan(1, inside("10.1.0.5", 1, 20_000));
  bed.process([long]);
  const [sample] = samples.take();
  expect(sample!.frame.length).toBe(SAMPLE_MOST);
  expect(sample!.original).toBe(long.length);
  expect(text(sample!.frame)).toBe(text(long.subarray(0, SAMPLE_MOST)));

  const datagram = make.udp(4789, make.vxlan(1, inside("10.1.0.5", 2, 1000)));
  const piece = (from: number, to: number, more: number) =>
    make.ethernet(0x0800, make.ipv4(17, datagram.subarray(from, to), { fragment: more | (from / 8) }));
  samples.allow(5);
  expect(bed.process([piece(0, 800, 0x2000)])).toHaveLength(1);
  expect(bed.process([piece(800, datagram.length, 0)])).toEqual(["delivered"]);
  expect(samples.take()).toEqual([]);
});
