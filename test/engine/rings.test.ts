// The rings of AF_XDP against a kernel that is played, and the engine's thread between them: in random steps with random ring sizes and
// positions, no slot is lost or used twice, the accounts hold, and what goes out is what the reference delivers.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as at from "../../assembly/memory/layout.js";
import { SlotPool, VERDICTS } from "../../src/engine/index.js";
import { compileMap } from "../../src/mapping/index.js";
import {
  DEFAULTS,
  mutations,
  ReferenceDecoder,
  ReferenceDelivery,
  type ReferenceOptions,
} from "../reference/index.js";
import { seeded } from "../reference/mutate.js";
import { type Random, wrap } from "../reference/mutate-shapes.js";
import { erspan2, ethernet, gre, ipv4 } from "../reference/packets.js";
import type { ReferenceMap } from "../reference/tenant-map.js";
import { engineOptions } from "./agreement.js";
import { seeds } from "./corpus.js";
import { FakeKernel, KERNEL_HEADROOM, type RingShapes } from "./fake-kernel.js";
import { bothForms, hostFrame, type RandomMap, randomMap } from "./random-delivery.js";
import { configOf } from "./random-map.js";
import { RingGateway } from "./ring-gateway.js";

const MAPS = Number(process.env.SPANGATE_MAPS ?? 30);
const SEED = Number(process.env.SPANGATE_SEED ?? 1);
const ETHERNET_AND_TAG = 18;

/** Sizes, and positions of which many are about to begin again. */
const shape = (least: number, most: number) =>
  fc.record({
    size: fc.integer({ min: least, max: most }).map((power) => 2 ** power),
    start: fc.oneof(
      fc.integer({ min: 2 ** 32 - 300, max: 2 ** 32 - 1 }),
      fc.constant(0),
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    ),
  });
/** All entries of a frame must find a place to be completed, or the kernel never sends it. */
const withCompletion = (rings: RingShapes): RingShapes => ({
  ...rings,
  completion: { ...rings.completion, size: Math.max(rings.completion.size, rings.tx.size) },
});
const RINGS = (size: number, start = 0): RingShapes => ({
  rx: { size, start },
  fill: { size, start },
  tx: { size, start },
  completion: { size, start },
});
const headrooms = [KERNEL_HEADROOM, KERNEL_HEADROOM, KERNEL_HEADROOM + 128, 0, 14];

// ── numbered packets: session n is tenant n's, whose sniffers are n.0, n.1, … ──

interface Numbered {
  sniffers?: number;
  queue?: number;
  overflow?: "drop-newest" | "drop-oldest";
  /** Of a sniffer that gets its packets in tunnels, in fragments. */
  to?: string | undefined;
}

const NUMBER_AT = 14;
const MAC_AT = 5; // last byte of the destination: of sniffer i of tenant n 16 n + i
const OUTER = 14 + 20 + 8 + 8;

function numberedMap(tenants: readonly Numbered[], mtu = 9000) {
  const mac = (n: number, i: number) => `02:5f:00:00:00:${(16 * n + i).toString(16).padStart(2, "0")}`;
  const sniffersOf = ({ sniffers = 1, to, ...queue }: Numbered, n: number) =>
    Array.from({ length: sniffers }, (_, i) => ({
      name: `${n}.${i}`,
      mac: mac(n, i),
      ...queue,
      ...(to === undefined ? { deliver: "mac" } : { deliver: "vxlan", to, vni: 16 * n + i, fit: "fragment" }),
    }));
  const config = {
    delivery: { mtu, mac: "02:00:00:00:00:99", addresses: ["203.0.113.1"] },
    sniffers: tenants.flatMap(sniffersOf),
    tenants: tenants.map((tenant, n) => ({
      name: `tenant-${n}`,
      sources: [{ encapsulation: "erspan", session: n }],
      sniffers: sniffersOf(tenant, n).map(({ name }) => name),
    })),
  };
  return compileMap(configOf(JSON.stringify(config))!, { delivery: "configured" });
}

function innerFrame(number: number, length: number): Uint8Array {
  const inner = ethernet(
    0x88b5,
    new Uint8Array(length - 14).map((_, i) => number * 7 + i),
  );
  new DataView(inner.buffer).setUint32(NUMBER_AT, number);
  return inner;
}
function mirrored(session: number, inner: Uint8Array): Uint8Array {
  const payload = gre(0x88be, erspan2(inner, { session }), { sequence: 1 });
  return ethernet(0x0800, ipv4(47, payload, payload.length > 0xffeb ? { totalLength: 0 } : {}));
}
const numberIn = (frame: Uint8Array) => Buffer.from(frame).readUInt32BE(NUMBER_AT);
const account = (gateway: RingGateway, sniffer = "0.0") => gateway.engine.queues.accounts().get(sniffer)!;

/** What a sniffer of `mac` gets of an inner frame. */
function delivered(inner: Uint8Array, mac: number): Uint8Array {
  const frame = new Uint8Array(Math.max(60, inner.length));
  frame.set(inner);
  frame.set([0x02, 0x5f, 0, 0, 0, mac]);
  return frame;
}

describe("numbered packets through rings", () => {
  const step = fc.oneof(
    ...(
      [
        ["arrive", 4, 20],
        ["refill", 4, 1],
        ["receive", 4, 1],
        ["transmit", 4, 20_000],
        ["send", 3, 60],
        ["kernel completes", 3, 60],
        ["complete", 3, 1],
      ] as const
    ).map(([what, weight, most]) => ({
      weight,
      arbitrary: fc.record({
        what: fc.constant(what),
        count: fc.integer({ min: most > 60 ? 60 : 1, max: most }),
      }),
    })),
  );
  const scene = fc.record({
    rings: fc.record({ rx: shape(1, 8), fill: shape(1, 8), tx: shape(0, 6), completion: shape(0, 6) }),
    slots: fc.integer({ min: 40, max: 300 }),
    largeSlots: fc.integer({ min: 0, max: 40 }),
    reserved: fc.integer({ min: 0, max: 20 }),
    tenants: fc.array(
      fc.record({
        sniffers: fc.integer({ min: 1, max: 3 }),
        queue: fc.integer({ min: 1, max: 40 }),
        overflow: fc.constantFrom("drop-newest" as const, "drop-oldest" as const),
        to: fc.option(fc.constantFrom("198.51.100.9", "198.51.100.77"), { nil: undefined, freq: 4 }),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    longest: fc.constantFrom(1518, 4000, 9018, 65_553),
    held: fc.constantFrom(0, 0, 8, 40),
    seed: fc.integer(),
    steps: fc.array(step, { minLength: 20, maxLength: 120 }),
  });

  test("come once each, in order, whole or cut, and every slot comes back", {
    timeout: 24 * 3_600_000,
  }, async () => {
    const seen = { wire: 0, cut: 0, sendError: 0, queueFull: 0, noFrames: 0, ringFull: 0, jumbo: 0 };
    await fc.assert(
      fc.asyncProperty(
        scene,
        async ({ rings, slots, largeSlots, reserved, tenants, longest, held, seed, steps }) => {
          const random = seeded(seed);
          const gateway = await RingGateway.create(
            numberedMap(tenants),
            { rings: withCompletion(rings), longest, held },
            { slots, largeSlots, reserved, memory: 24 * 2 ** 20 },
          );
          const { kernel } = gateway;
          const inners: Uint8Array[] = [];
          const last = new Map<number, number>();
          let looked = 0;
          const look = () => {
            for (; looked < kernel.wire.length; looked++) {
              const frame = kernel.wire[looked]!;
              seen.wire++;
              expect(frame.length).toBeLessThanOrEqual(longest);
              // Of those in fragments the accounts say enough here.
              if (tenants[frame[MAC_AT]! >> 4]!.to !== undefined) continue;
              const number = numberIn(frame);
              expect(number, "in order").toBeGreaterThan(last.get(frame[MAC_AT]!) ?? -1);
              last.set(frame[MAC_AT]!, number);
              const inner = inners[number]!;
              if (inner.length > at.SLOT_STRIDE) seen.jumbo++;
              const expected = delivered(inner, frame[MAC_AT]!);
              if (Buffer.compare(frame, expected) !== 0) expect.fail(`packet ${number} is another`);
            }
          };
          const act = ({ what, count }: (typeof steps)[number]) => {
            if (what === "refill") gateway.refill();
            if (what === "transmit") gateway.transmit(count);
            if (what === "complete") gateway.complete();
            if (what === "send") kernel.send(count);
            if (what === "kernel completes") kernel.complete(count, random);
            if (what === "receive") {
              for (const { captured, originalLength } of gateway.receive()) {
                if (captured.length === originalLength) continue;
                seen.cut++;
                const number = numberIn(captured.subarray(OUTER));
                inners[number] = inners[number]!.subarray(0, captured.length - OUTER);
              }
            }
            for (let i = 0; what === "arrive" && i < count; i++) {
              const inner = innerFrame(inners.length, lengthOf(random));
              inners.push(inner);
              gateway.arrive(mirrored(random(tenants.length), inner), headrooms[random(headrooms.length)]);
            }
          };
          for (const each of steps) {
            act(each);
            gateway.check();
            look();
          }
          act({ what: "receive", count: 1 });
          gateway.drain();
          look();
          expect(gateway.engine.slots.free + kernel.receiving().length).toBe(slots);
          expect(gateway.engine.slots.freeLarge).toBe(largeSlots);
          const all = [...gateway.engine.queues.accounts().values()];
          for (const { queued, inFlight } of all) expect([queued, inFlight]).toEqual([0, 0]);
          const sent = all.reduce((sum, each) => sum + each.sent, 0);
          expect(sent).toBeLessThanOrEqual(kernel.wire.length);
          if (tenants.every(({ to }) => to === undefined)) expect(sent).toBe(kernel.wire.length);
          for (const { sendError, droppedNewest, droppedOldest } of all) {
            seen.sendError += sendError;
            seen.queueFull += droppedNewest + droppedOldest;
          }
          seen.noFrames += kernel.lost.noFrames;
          seen.ringFull += kernel.lost.ringFull;
          expect(gateway.engine.counters().received).toBe(
            inners.length - kernel.lost.noFrames - kernel.lost.ringFull,
          );
        },
      ),
      { numRuns: 10 * MAPS, seed: SEED },
    );
    if (process.env.SPANGATE_SHOW) console.info(seen);
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(0);
  });

  /** Often short, often just as long as a chunk, sometimes as long as a frame gets. */
  function lengthOf(random: Random): number {
    const kinds = [
      () => 60 + random(1400),
      () => 18 + random(80),
      () => 1700 + random(400),
      () => 1900 + random(7200),
      () => FakeKernel.room() - OUTER - 2 + random(4),
      () => (random(4) === 0 ? 30_000 + random(35_500) : 100),
    ];
    return kinds[random(kinds.length)]!();
  }
});

describe("one at a time", () => {
  const PLENTY = { slots: 128, largeSlots: 8, memory: 24 * 2 ** 20 };

  test("positions begin again at 0", async () => {
    const gateway = await RingGateway.create(
      numberedMap([{}]),
      { rings: RINGS(8, 2 ** 32 - 3), longest: 1518 },
      PLENTY,
    );
    for (let number = 0; number < 40; number++) {
      gateway.refill();
      expect(gateway.arrive(mirrored(0, innerFrame(number, 100)))).toBe(true);
      gateway.drain();
      expect(gateway.kernel.wire.at(-1)).toEqual(Buffer.from(delivered(innerFrame(number, 100), 0)));
    }
    expect(gateway.kernel.rings.tx.producer).toBe(37);
    expect(account(gateway)).toMatchObject({ offered: 40, sent: 40 });
  });

  test("a frame of several chunks is put together, behind the headroom of a large slot", async () => {
    const gateway = await RingGateway.create(numberedMap([{}]), { rings: RINGS(64), longest: 9018 }, PLENTY);
    gateway.refill();
    const lengths = [1856, 1857, 3712, 3713, 8950, 200].map((length) => length - OUTER);
    for (const [number, length] of lengths.entries())
      expect(gateway.arrive(mirrored(0, innerFrame(number, length)))).toBe(true);
    for (const { captured, originalLength } of gateway.receive())
      expect(captured.length).toBe(originalLength);
    gateway.check();
    gateway.drain();
    expect(gateway.kernel.wire.map((frame) => Buffer.from(frame))).toEqual(
      lengths.map((length, number) => Buffer.from(delivered(innerFrame(number, length), 0))),
    );
  });

  test("it comes cut, with its true length, when no large slot is free", async () => {
    const gateway = await RingGateway.create(numberedMap([{}]), { rings: RINGS(64), longest: 9018 }, PLENTY);
    const { engine, kernel } = gateway;
    const taken = Array.from({ length: PLENTY.largeSlots }, () => engine.slots.take(5000));
    gateway.refill();
    for (let number = 0; number < 3; number++)
      gateway.arrive(mirrored(0, innerFrame(number, 5000 + number)), 300);
    gateway.receive();
    const words = (field: number) => [0, 1, 2].map((i) => engine.batch.word(i, field));
    expect(words(at.CAPTURED)).toEqual([0, 1, 2].map(() => at.SLOT_STRIDE - 300));
    expect(words(at.ORIGINAL)).toEqual([0, 1, 2].map((number) => OUTER + 5000 + number));
    for (const slot of taken) engine.slots.give(slot);
    gateway.drain();
    const first = at.SLOT_STRIDE - 300 - OUTER;
    expect(kernel.wire.map(({ length }) => length)).toEqual([first, first, first]);
    for (const [number, frame] of kernel.wire.entries())
      expect(frame).toEqual(
        Buffer.from(delivered(innerFrame(number, 5000 + number).subarray(0, frame.length), 0)),
      );
    // Now it is free again.
    gateway.refill();
    gateway.arrive(mirrored(0, innerFrame(3, 6000)));
    gateway.drain();
    expect(kernel.wire.at(-1)!.length).toBe(6000);
  });

  test("one longer than a large slot is cut to it, and its neighbours are as they were", async () => {
    const gateway = await RingGateway.create(numberedMap([{}]), { rings: RINGS(64), longest: 9018 }, PLENTY);
    const { engine } = gateway;
    const neighbours = Array.from({ length: PLENTY.largeSlots }, () => engine.slots.take(5000));
    for (const slot of neighbours) engine.slots.bytes(slot, SlotPool.LONGEST_LARGE).fill(0x77);
    engine.slots.give(neighbours.splice(3, 1)[0]!);
    gateway.refill();
    gateway.arrive(mirrored(0, innerFrame(0, 70_000)));
    gateway.receive();
    expect(engine.batch.word(0, at.CAPTURED)).toBe(SlotPool.LONGEST_LARGE);
    expect(engine.batch.word(0, at.ORIGINAL)).toBe(OUTER + 70_000);
    for (const slot of neighbours)
      expect(engine.slots.bytes(slot, SlotPool.LONGEST_LARGE).every((byte) => byte === 0x77)).toBe(true);
  });

  test("the last of many large slots comes back as itself", async () => {
    const largeSlots = 250;
    const gateway = await RingGateway.create(
      numberedMap([{}]),
      { rings: RINGS(64), longest: 40_000 },
      { ...PLENTY, largeSlots, memory: 48 * 2 ** 20 },
    );
    const { engine, kernel } = gateway;
    const taken = Array.from({ length: largeSlots }, () => engine.slots.take(5000));
    // Of two that are free the queue may have one.
    for (const slot of taken.slice(-2)) engine.slots.give(slot);
    gateway.refill();
    gateway.arrive(mirrored(0, innerFrame(0, 100)));
    gateway.arrive(mirrored(0, innerFrame(1, 34_000)));
    gateway.receive();
    gateway.transmit();
    kernel.send();
    // The long one is done, the short one is not.
    kernel.complete(1, () => 1);
    expect(gateway.complete()).toBe(1);
    expect(engine.slots.freeLarge).toBe(2);
    expect(account(gateway)).toMatchObject({ offered: 2, sent: 1, inFlight: 1, sentBytes: 34_000 });
  });

  test("a burst of them waits in the ring for large slots, and none is refused for those that the others have", async () => {
    const gateway = await RingGateway.create(
      numberedMap([{}]),
      { rings: RINGS(256), longest: 9018 },
      { ...PLENTY, slots: 512 },
    );
    gateway.refill();
    for (let number = 0; number < 120; number++)
      expect(gateway.arrive(mirrored(0, innerFrame(number, 2000 + number)))).toBe(true);
    gateway.drain();
    expect(account(gateway)).toMatchObject({ offered: 120, sent: 120 });
    expect(gateway.kernel.wire.map(({ length }) => length)).toEqual(
      Array.from({ length: 120 }, (_, number) => 2000 + number),
    );
  });

  test("the kernel has as many slots as its ring has places; after an overrun few, until the ring is empty", async () => {
    const [size, few] = [4096, 2048];
    const gateway = await RingGateway.create(
      numberedMap([{}]),
      { rings: RINGS(size), longest: 1518 },
      { slots: 2 * size, largeSlots: 8, memory: 64 * 2 ** 20 },
    );
    const { kernel } = gateway;
    let number = 0;
    const arrive = (count: number) => {
      for (let i = 0; i < count; i++) gateway.arrive(mirrored(0, innerFrame(number++, 100)));
    };
    const held = () => kernel.receiving().length;
    const round = () => {
      gateway.complete();
      gateway.refill();
      const received = gateway.receive().length;
      gateway.transmit();
      kernel.send();
      kernel.complete();
      return received;
    };

    gateway.refill();
    expect(held()).toBe(size);
    arrive(size / 2);
    gateway.refill();
    expect(held()).toBe(size);

    arrive(size / 2 + 1);
    expect(kernel.lost).toEqual({ ringFull: 1, noFrames: 0 });
    while (held() > few) round();
    for (let i = 0; i < 20; i++) {
      arrive(few);
      expect(round()).toBeGreaterThan(0);
      expect(held()).toBeLessThanOrEqual(few);
    }
    while (round() > 0) gateway.check();
    gateway.refill();
    expect(held()).toBe(size);
    gateway.drain();
    expect(account(gateway)).toMatchObject({ queued: 0, droppedNewest: 0 });
  });

  test("a frame longer than the interface takes is not sent, and counted", async () => {
    const gateway = await RingGateway.create(
      numberedMap([{ sniffers: 2 }, { to: "198.51.100.9" }]),
      { rings: RINGS(64), longest: 1000 },
      PLENTY,
    );
    gateway.refill();
    for (const [number, length] of [1000, 1001, 500, 1855 - OUTER].entries())
      gateway.arrive(mirrored(0, innerFrame(number, length)));
    // In one fragment of 950 bytes with its headers, and in one of 1,010.
    gateway.arrive(mirrored(1, innerFrame(4, 900)));
    gateway.arrive(mirrored(1, innerFrame(5, 960)));
    gateway.drain();
    for (const sniffer of ["0.0", "0.1"])
      expect(account(gateway, sniffer)).toMatchObject({ offered: 4, sent: 2, sendError: 2, sentBytes: 1500 });
    expect(account(gateway, "1.0")).toMatchObject({ offered: 2, sent: 1, sendError: 1, sentBytes: 950 });
  });

  test("nor is one of more pieces than the kernel puts together, whatever the interface takes", async () => {
    const gateway = await RingGateway.create(
      numberedMap([{}], 65_535),
      { rings: RINGS(64), longest: 65_553 },
      PLENTY,
    );
    const most = at.XDP_PIECES * at.XDP_PIECE;
    for (const [number, length] of [most, most + 1, 65_000, 100].entries()) {
      gateway.refill();
      expect(gateway.arrive(mirrored(0, innerFrame(number, length)))).toBe(true);
      gateway.drain();
    }
    expect(gateway.kernel.wire.map(({ length }) => length)).toEqual([most, 100]);
    expect(account(gateway)).toMatchObject({ offered: 4, sent: 2, sendError: 2 });
  });

  test("nor one whose fragments the ring could never hold, and what comes after it goes out", async () => {
    const map = numberedMap([{ to: "198.51.100.9" }], 576);
    const rings = { ...RINGS(64), tx: { size: 8, start: 0 }, completion: { size: 8, start: 0 } };
    const gateway = await RingGateway.create(map, { rings, longest: 594 }, PLENTY);
    gateway.refill();
    // 8 fragments of 552 bytes of UDP, and 9.
    const lengths = [8 * 552 - 16, 8 * 552 - 15, 100];
    for (const [number, length] of lengths.entries()) gateway.arrive(mirrored(0, innerFrame(number, length)));
    gateway.drain();
    expect(account(gateway)).toMatchObject({ offered: 3, sent: 2, sendError: 1 });
    expect(gateway.kernel.wire.length).toBe(8 + 1);
  });

  test("a full transmit ring: nothing is lost but what the queue refuses, reception goes on, and the rest goes out", async () => {
    const [TX, QUEUE, ROUNDS] = [16, 40, 100];
    const rings = { ...RINGS(32, 2 ** 32 - 50), tx: { size: TX, start: 9 } };
    for (const overflow of ["drop-newest", "drop-oldest"] as const) {
      const gateway = await RingGateway.create(
        numberedMap([
          { queue: QUEUE, overflow },
          { queue: QUEUE, overflow },
        ]),
        { rings, longest: 1518 },
        { slots: 300, largeSlots: 0, reserved: 40, memory: 24 * 2 ** 20 },
      );
      const { kernel } = gateway;
      for (let round = 0; round < ROUNDS; round++) {
        gateway.complete();
        gateway.refill();
        for (let i = 0; i < 8; i++)
          expect(gateway.arrive(mirrored(i & 1, innerFrame(8 * round + i, 100)))).toBe(true);
        expect(gateway.receive().length).toBe(8);
        gateway.transmit();
        gateway.check();
      }
      expect(kernel.lost).toEqual({ ringFull: 0, noFrames: 0 });
      expect(gateway.thread.inFlight).toBe(TX);
      expect(gateway.unsent()).toBe(TX);
      for (const sniffer of ["0.0", "1.0"]) {
        const { offered, queued, inFlight, droppedNewest, droppedOldest } = account(gateway, sniffer);
        expect({ offered, queued, inFlight }).toEqual({
          offered: 4 * ROUNDS,
          queued: QUEUE,
          inFlight: TX / 2,
        });
        expect(overflow === "drop-newest" ? droppedOldest : droppedNewest).toBe(0);
      }
      gateway.drain();
      expect(gateway.unsent()).toBe(0);
      const all = Array.from({ length: ROUNDS * 4 }, (_, i) => i);
      for (const session of [0, 1]) {
        const own = all.map((i) => 2 * i + session);
        const [first, end] = [own.slice(0, TX / 2), TX / 2];
        const rest = overflow === "drop-newest" ? own.slice(end, end + QUEUE) : own.slice(-QUEUE);
        const got = kernel.wire.filter((frame) => frame[MAC_AT] === 16 * session).map(numberIn);
        expect(got).toEqual([...first, ...rest]);
      }
    }
  });

  test("a full transmit ring and queues longer than the slots: reception goes on", async () => {
    const gateway = await RingGateway.create(
      numberedMap([{ queue: 1000 }, { queue: 1000, overflow: "drop-oldest" }, { queue: 1000 }]),
      { rings: RINGS(32), longest: 1518 },
      { slots: 150, largeSlots: 0, reserved: 40, memory: 24 * 2 ** 20 },
    );
    for (let round = 0; round < 100; round++) {
      gateway.refill();
      for (let i = 0; i < 30; i++)
        expect(gateway.arrive(mirrored(i % 3, innerFrame(30 * round + i, 100)))).toBe(true);
      expect(gateway.receive().length).toBe(30);
      gateway.transmit();
      gateway.check();
    }
    expect(gateway.kernel.lost).toEqual({ ringFull: 0, noFrames: 0 });
    expect(gateway.engine.slots.free).toBeGreaterThanOrEqual(40);
    expect(account(gateway, "0.0").droppedNewest).toBeGreaterThan(0);
    expect(account(gateway, "1.0").droppedOldest).toBeGreaterThan(0);
    gateway.drain();
    for (const sniffer of ["0.0", "1.0", "2.0"]) {
      const { offered, sent, droppedNewest, droppedOldest } = account(gateway, sniffer);
      expect(sent + droppedNewest + droppedOldest).toBe(offered);
    }
  });

  test("through a small ring two sniffers get as many bytes, however long their frames are", async () => {
    const rings = { ...RINGS(64), tx: { size: 4, start: 0 }, completion: { size: 4, start: 0 } };
    const gateway = await RingGateway.create(
      numberedMap([{ queue: 400 }, { queue: 400 }]),
      { rings, longest: 1518 },
      { slots: 1200, largeSlots: 0, memory: 24 * 2 ** 20 },
    );
    const { kernel } = gateway;
    for (let number = 0; number < 420; ) {
      gateway.refill();
      for (let i = 0; i < 14; i++, number++) {
        const session = i === 0 ? 0 : 1;
        gateway.arrive(mirrored(session, innerFrame(number, session === 0 ? 1300 : 100)));
      }
      gateway.receive();
    }
    for (let rounds = 0; account(gateway, "1.0").queued > 50; rounds++) {
      expect(rounds).toBeLessThan(1000);
      gateway.transmit(1500);
      kernel.send(1 + (rounds % 4));
      kernel.complete();
      gateway.complete();
      const [long, short] = [account(gateway, "0.0").sentBytes, account(gateway, "1.0").sentBytes];
      if (account(gateway, "0.0").queued > 0) expect(Math.abs(long - short)).toBeLessThan(4 * 1500);
    }
    gateway.drain();
  });

  test("the kernel is told of what it waits for, and only when it says so", async () => {
    const gateway = await RingGateway.create(
      numberedMap([{}]),
      { rings: RINGS(16, 2 ** 32 - 8), longest: 1518 },
      PLENTY,
    );
    const { kernel } = gateway;
    const { tx } = kernel.rings;
    gateway.refill();
    kernel.takeFill(Infinity);
    for (let number = 0; number < 12; number++) gateway.arrive(mirrored(0, innerFrame(number, 60)));
    gateway.receive();
    expect(gateway.unsent()).toBe(0);
    gateway.transmit();
    expect(gateway.unsent()).toBe(12);
    tx.needsWakeup = false;
    expect(gateway.unsent()).toBe(0);
    tx.needsWakeup = true;
    kernel.send(5);
    expect(gateway.unsent()).toBe(7);
    gateway.drain();
  });
});

// ── byte for byte what the reference delivers ──

/** Sniffers of an interface, each known by its MAC; files and TAP interfaces are not on it. */
function onOneInterface(random: RandomMap): RandomMap {
  let number = 0;
  const tenants = random.tenants.map((tenant) => ({
    ...tenant,
    sniffers: tenant.sniffers.map((sniffer) => {
      const deliver = sniffer.deliver === "pcap" || sniffer.deliver === "tap" ? "mac" : sniffer.deliver!;
      return { ...sniffer, deliver, mac: `02:5f:00:00:00:${(++number).toString(16).padStart(2, "0")}` };
    }),
  }));
  return { ...random, tenants };
}

class Reference {
  readonly verdicts: Record<string, number> = {};
  /** What each sniffer is still to get, by the last byte of its MAC. */
  readonly #expected = new Map<number, Uint8Array[]>();
  readonly #sendErrors = new Map<string, number>();
  readonly #decoder: ReferenceDecoder;
  readonly #delivery: ReferenceDelivery;
  #packet = 0;

  constructor(
    private readonly map: ReferenceMap,
    options: ReferenceOptions,
    delivery: RandomMap["delivery"],
    private readonly longest: number,
  ) {
    this.#decoder = new ReferenceDecoder({ ...options, map });
    this.#delivery = new ReferenceDelivery(map, delivery);
  }

  receive(captured: Uint8Array, originalLength: number, time: bigint): void {
    for (const { result } of this.#decoder.packet(++this.#packet, captured, originalLength, time, 1)) {
      const { verdict } = this.#delivery.deliver(result);
      this.verdicts[verdict] = (this.verdicts[verdict] ?? 0) + 1;
    }
  }

  /** The engine has taken as many out of the queues as its accounts say. */
  take(gateway: RingGateway): void {
    for (const { name, mac } of this.map.sniffers) {
      const { sent, sendError, inFlight } = account(gateway, name);
      const { taken } = this.#delivery.account(name);
      for (const { frames } of this.#delivery.take(name, sent + sendError + inFlight - taken)) {
        if (frames.some(({ length }) => length > this.longest)) {
          this.#sendErrors.set(name, (this.#sendErrors.get(name) ?? 0) + 1);
          continue;
        }
        const key = Number.parseInt(mac!.slice(-2), 16);
        this.#expected.set(key, [...(this.#expected.get(key) ?? []), ...frames]);
      }
    }
  }

  expectFrame(frame: Uint8Array): void {
    const expected = this.#expected.get(frame[MAC_AT]!)?.shift();
    if (expected === undefined || Buffer.compare(expected, frame) !== 0)
      expect(Buffer.from(frame).toString("hex")).toBe(Buffer.from(expected ?? []).toString("hex"));
  }

  expectAccounts(gateway: RingGateway): void {
    const { received, ...counters } = gateway.engine.counters();
    expect(received).toBe(this.#packet);
    for (const name of VERDICTS) expect(counters[name], name).toBe(this.verdicts[name] ?? 0);
    expect(counters.held).toBe(this.#decoder.counters.held);
    for (const { name } of this.map.sniffers) {
      const { taken, ...expected } = this.#delivery.account(name);
      expect(account(gateway, name), name).toMatchObject(expected);
    }
  }

  expectDone(gateway: RingGateway): void {
    for (const [mac, frames] of this.#expected) expect(frames.length, `still expected by ${mac}`).toBe(0);
    for (const { name } of this.map.sniffers)
      expect(account(gateway, name).sendError, name).toBe(this.#sendErrors.get(name) ?? 0);
  }
}

describe("against the reference", () => {
  const reassembly = { memory: 2 ** 20, perSource: 2 ** 18, timeout: 5_000_000_000n };
  const kernels = fc.record({
    rx: shape(4, 8),
    fill: shape(4, 8),
    tx: shape(5, 7),
    completion: shape(3, 7),
  });

  test("random maps and packets", { timeout: 24 * 3_600_000 }, async () => {
    const stream = mutations(SEED * 1000 + 78, seeds);
    const seen: Record<string, number> = {};
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(randomMap, kernels, async (random, rings) => {
        const interfaceMap = onOneInterface(random);
        const forms = bothForms(interfaceMap);
        fc.pre(forms !== undefined);
        accepted++;
        const { reference: map, compiled } = forms;
        const dice = seeded(SEED * 100_000 + accepted);
        const longest = interfaceMap.delivery.mtu + ETHERNET_AND_TAG - dice(2) * 40;
        const options = { ...DEFAULTS, reassembly };
        const gateway = await RingGateway.create(
          compiled,
          { rings: withCompletion(rings), longest },
          { ...engineOptions(options), slots: 2048, largeSlots: 320, sessions: 4096 },
        );
        const { kernel } = gateway;
        const reference = new Reference(map, options, interfaceMap.delivery, longest);
        let time = 1_700_000_000_000_000_000n;
        const next = (): Uint8Array => {
          if (dice(3) === 0) return wrap(hostFrame(dice), dice).frame;
          for (;;) {
            const { frame, linkType } = stream.next().value;
            if (linkType === 1 && frame.length >= 14 && frame.length <= 65_000) return frame;
          }
        };
        let looked = 0;
        const look = () => {
          for (; looked < kernel.wire.length; looked++) reference.expectFrame(kernel.wire[looked]!);
        };
        const receive = () => {
          time += BigInt(256 * dice(12_000)); // the engine is told as a double
          for (const { captured, originalLength } of gateway.receive(time))
            reference.receive(captured, originalLength, time);
        };
        const actions = [
          () => {
            for (let count = dice(30); count > 0; count--)
              gateway.arrive(next(), headrooms[dice(headrooms.length)]);
          },
          () => gateway.refill(),
          receive,
          receive,
          () => {
            gateway.transmit();
            reference.take(gateway);
          },
          () => {
            kernel.send(dice(100));
            look();
          },
          () => kernel.complete(dice(60), dice),
          () => gateway.complete(),
        ];
        for (let steps = 0; steps < 160; steps++) {
          actions[dice(actions.length)]!();
          gateway.check();
          reference.expectAccounts(gateway);
        }
        // The rest, in rounds as the loop makes them.
        for (let rounds = 0; rounds < 80; rounds++) for (const action of actions.slice(1)) action();
        gateway.drain();
        reference.take(gateway);
        look();
        reference.expectAccounts(gateway);
        reference.expectDone(gateway);
        for (const [name, count] of Object.entries(reference.verdicts))
          seen[name] = (seen[name] ?? 0) + count;
        seen.wire = (seen.wire ?? 0) + kernel.wire.length;
        for (const { sendError } of gateway.engine.queues.accounts().values())
          seen["send-error"] = (seen["send-error"] ?? 0) + sendError;
      }),
      { numRuns: MAPS, seed: SEED, endOnFailure: true },
    );
    if (process.env.SPANGATE_SHOW) console.info(seen, accepted);
    for (const what of ["delivered", "reassembled", "queue-full", "wire", "send-error"])
      expect(seen[what], what).toBeGreaterThan(0);
  });
});
