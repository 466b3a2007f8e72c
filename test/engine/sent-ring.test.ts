// The far end of a transmit ring in the host: every frame comes out whole, once and in order, however few are taken at a time and whatever
// is refused in between; and its slots come back.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ArrivalRing, Engine, EngineThread, QUANTUM, SentRing } from "../../src/engine/index.js";
import { compileMap } from "../../src/mapping/index.js";
import { ethernet, ipv4, udp, vxlan } from "../reference/packets.js";
import { configOf } from "./random-map.js";

const MAP = compileMap(
  configOf(
    JSON.stringify({
      sniffers: [{ name: "acme", deliver: "mac", mac: "02:00:00:00:0a:01", queue: 64 }],
      tenants: [{ name: "acme", sources: [{ encapsulation: "vxlan", vni: 1 }], sniffers: ["acme"] }],
    }),
  )!,
  { delivery: "configured" },
);
const TO = Uint8Array.of(2, 0, 0, 0, 0x0a, 1);

function inner(length: number, seed: number): Uint8Array {
  return ethernet(
    0x88b5,
    Uint8Array.from({ length: length - 14 }, (_, i) => seed * 7 + i),
  );
}
const mirrored = (frame: Uint8Array) => ethernet(0x0800, ipv4(17, udp(4789, vxlan(1, frame))));
const hex = (frame: Uint8Array) => Buffer.from(frame).toString("hex");
const delivered = (frame: Uint8Array) => hex(Uint8Array.of(...TO, ...frame.subarray(6)));

async function create(size: number) {
  // More large slots than may be queued and under way at once: who has none leaves packets out that are not the last.
  const options = { memory: 96 * 2 ** 20, sessions: 64, queues: 4, slots: 256, largeSlots: 256 };
  const engine = await Engine.create(options, "shared");
  engine.replaceMap(MAP.image);
  const thread = await EngineThread.attach(engine.seat(0));
  const arrivals = new ArrivalRing(engine.memory, { blockSize: 1 << 18, blocks: 4 });
  const sent = new SentRing(engine.memory, engine.slots, size);
  const push = (frames: readonly Uint8Array[]) => {
    const list = frames.map((frame) => ({ data: mirrored(frame) }));
    expect(arrivals.push(list, 0, 0n)).toBe(list.length);
    for (;;) {
      const count = thread.receivePackets(arrivals.address);
      if (count === 0) break;
      thread.process(count);
    }
  };
  const transmit = () => thread.transmit(sent.address, QUANTUM);
  const complete = () => thread.complete(sent.address);
  const accounts = () => engine.queues.accounts().get("acme")!;
  return { engine, thread, sent, push, transmit, complete, accounts };
}

const LENGTHS = fc.oneof(
  fc.integer({ min: 60, max: 300 }),
  fc.constantFrom(1934, 2048, 2049, 4096, 9000, 60_000),
);

describe("the far end of a transmit ring", () => {
  test("gives every frame whole, once and in order", async () => {
    const step = fc.record({
      lengths: fc.array(LENGTHS, { maxLength: 6 }),
      most: fc.integer({ min: 0, max: 5 }),
      refused: fc.constantFrom(-1, -1, 0, 1, 2),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.constantFrom(32, 64), async (steps, size) => {
        const { engine, thread, sent, push, transmit, complete, accounts } = await create(size);
        const [expected, out]: [string[], string[]] = [[], []];
        let seed = 0;
        const take = (most: number, refused = -1) => {
          let tried = 0;
          const count = sent.take((frame) => {
            if (tried++ === refused) return false;
            out.push(hex(frame));
            return true;
          }, most);
          expect(count).toBeLessThanOrEqual(most);
          expect(count).toBe(refused >= 0 && tried > refused ? refused : tried);
        };
        for (const { lengths, most, refused } of steps) {
          const frames = lengths.map((length) => inner(length, seed++));
          const { offered, droppedNewest } = accounts();
          push(frames);
          // A full queue drops the last ones.
          const lost = accounts().droppedNewest - droppedNewest;
          expect(accounts().offered - offered).toBe(frames.length);
          expected.push(...frames.slice(0, frames.length - lost).map(delivered));
          transmit();
          take(most, refused);
          complete();
        }
        while (transmit() + (sent.isWaiting ? 1 : 0) > 0 || !thread.isEmpty) {
          take(3);
          complete();
        }
        expect(out).toEqual(expected);
        expect(sent.isWaiting).toBe(false);
        expect(accounts()).toMatchObject({ sent: out.length, queued: 0, inFlight: 0 });
        expect([engine.slots.free, engine.slots.freeLarge]).toEqual([
          engine.slots.count,
          engine.slots.largeCount,
        ]);
      }),
      { numRuns: 60 },
    );
  });

  test("completes no more than the worker has room to see", async () => {
    const { sent, push, transmit, complete } = await create(4);
    push(Array.from({ length: 10 }, (_, i) => inner(60, i)));
    const take = () => sent.take(() => true, 100);
    expect([transmit(), take()]).toEqual([4, 4]);
    // The worker puts more into the ring before it looks at what is completed.
    expect([transmit(), take(), sent.isWaiting]).toEqual([4, 0, true]);
    expect([complete(), take(), complete()]).toEqual([4, 4, 4]);
  });

  test("a frame is where it was received until it is taken, and may be longer than any interface sends", async () => {
    const { engine, sent, push, transmit } = await create(64);
    push([inner(1000, 1), inner(60_000, 2)]);
    transmit();
    const seen: Uint8Array[] = [];
    sent.take((frame) => seen.push(frame) > 0, 2);
    expect(seen.map(hex)).toEqual([inner(1000, 1), inner(60_000, 2)].map(delivered));
    expect(seen[0]!.buffer).toBe(engine.memory.memory.buffer);
  });

  test("says when it wants to be woken", async () => {
    const { thread, sent, push, transmit } = await create(8);
    push([inner(60, 1)]);
    transmit();
    expect(thread.unsent(sent.address)).toBe(0);
    sent.wantsWakeup = true;
    expect(thread.unsent(sent.address)).toBe(1);
    sent.take(() => true, 1);
    expect(thread.unsent(sent.address)).toBe(0);
  });
});
