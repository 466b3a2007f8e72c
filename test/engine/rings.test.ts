// The rings of AF_XDP against a kernel that is played, and the engine's thread between them: in random steps with random ring sizes and
// positions, no slot is lost or used twice, the accounts hold.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as at from "../../assembly/memory/layout.js";
import * as sockets from "../../assembly/memory/sockets.js";
import { SlotPool } from "../../src/engine/index.js";
import { seeded } from "../reference/mutate.js";
import type { Random } from "../reference/mutate-shapes.js";
import { FakeKernel } from "./fake-kernel.js";
import {
  account,
  delivered,
  headrooms,
  innerFrame,
  MAC_AT,
  mirrored,
  numberedMap,
  numberIn,
  OUTER,
  RINGS,
  shape,
  withCompletion,
} from "./numbered.js";
import { RingGateway } from "./ring-gateway.js";

const MAPS = Number(process.env.SPANGATE_MAPS ?? 30);
const SEED = Number(process.env.SPANGATE_SEED ?? 1);

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
    const most = sockets.XDP_PIECES * sockets.XDP_PIECE;
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
