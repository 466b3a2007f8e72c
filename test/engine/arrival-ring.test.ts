// A ring that the host fills in place of the kernel: laid out as the kernel does, and what the engine reads out of it is what was put in.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as at from "../../assembly/memory/layout.js";
import * as sockets from "../../assembly/memory/sockets.js";
import { ArrivalRing, type ArrivingFrame, Engine, EngineThread, SlotPool } from "../../src/engine/index.js";

const bytes = (length: number, seed: number) => Uint8Array.from({ length }, (_, i) => seed + i * 3);

interface Size {
  readonly blockSize: number;
  readonly blocks: number;
}

class Ring {
  /** Of the first block. */
  readonly start: number;
  readonly ring: ArrivalRing;
  private constructor(
    readonly engine: Engine,
    readonly thread: EngineThread,
    size: Size,
  ) {
    const before = engine.memory.allocate(64).address + 64;
    engine.memory.u8.fill(0xa5, before, before + size.blockSize * size.blocks);
    this.ring = new ArrivalRing(engine.memory, size);
    for (let i = 0; i < size.blocks; i++)
      engine.memory.u32[(before + i * size.blockSize + sockets.BLOCK_STATUS) >>> 2] = 0;
    this.start = before;
  }
  static async create(
    size: Size = { blockSize: 1 << 18, blocks: 3 },
    slots = 300,
    largeSlots = 40,
  ): Promise<Ring> {
    const options = { memory: 96 * 2 ** 20, sessions: 64, queues: 1, slots, largeSlots };
    const engine = await Engine.create(options, "shared");
    return new Ring(engine, await EngineThread.attach(engine.seat(0)), size);
  }

  /** What the engine announces in one round. */
  receive() {
    const count = this.thread.receivePackets(this.ring.address);
    const { worker, memory } = this.engine;
    const word = (address: number) => memory.u32[address >>> 2]!;
    const announced = Array.from({ length: count }, (_, i) => {
      const d = worker + at.DESCRIPTORS + i * at.DESCRIPTOR;
      const frame = word(d + at.FRAME);
      return {
        data: memory.u8.slice(frame, frame + word(d + at.CAPTURED)),
        originalLength: word(d + at.ORIGINAL),
        linkType: word(d + at.LINK_TYPE),
        time: memory.u64[(d + at.TIME) >>> 3]!,
      };
    });
    if (count > 0) this.thread.process(count);
    return announced;
  }
}

function tagged({ data, tag }: ArrivingFrame): Uint8Array {
  if (tag === undefined) return data;
  const { control, protocol } = tag;
  const four = [protocol >> 8, protocol & 255, control >> 8, control & 255];
  return Uint8Array.of(...data.subarray(0, 12), ...four, ...data.subarray(12));
}

const frame = fc.record({
  length: fc.oneof(fc.integer({ min: 14, max: 200 }), fc.constantFrom(0, 1984, 1985, 9000, 65_535)),
  cut: fc.constantFrom(0, 0, 1000),
  linkType: fc.constantFrom(undefined, 1, 0, 101, 113, 228, 276, 65_535),
  tag: fc.constantFrom(undefined, undefined, { control: 0xe123, protocol: 0x88a8 }),
});

describe("frames that the host puts into a ring", () => {
  test("come as they were, with their time, length, link type and tag", async () => {
    const batches = fc.array(fc.array(frame, { maxLength: 12 }), { maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(
        batches,
        fc.bigInt({ min: 0n, max: 4_000_000_000_000_000_000n }),
        async (all, time) => {
          const gateway = await Ring.create();
          let seed = 0;
          for (const batch of all) {
            const frames = batch.map(({ length, cut, linkType, tag }): ArrivingFrame => {
              const isTagged = tag !== undefined && length >= 12;
              return {
                data: bytes(length, seed++),
                ...(cut > 0 && { originalLength: length + cut }),
                ...(linkType !== undefined && { linkType }),
                ...(isTagged && { tag }),
              };
            });
            let taken = 0;
            const got = [];
            while (taken < frames.length) {
              const more = gateway.ring.push(frames, taken, time);
              expect(more).toBeGreaterThan(0);
              taken += more;
              for (let some = gateway.receive(); some.length > 0; some = gateway.receive()) got.push(...some);
            }
            const hex = <T extends { data: Uint8Array }>({ data, ...more }: T) => ({
              data: Buffer.from(data).toString("hex"),
              ...more,
            });
            expect(got.map(hex)).toEqual(
              frames.map((each) => {
                const whole = tagged(each);
                const added = whole.length - each.data.length;
                const { originalLength = each.data.length, linkType = 1 } = each;
                return hex({ data: whole, originalLength: originalLength + added, linkType, time });
              }),
            );
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test("come one by one out of linear memory, too", async () => {
    const gateway = await Ring.create({ blockSize: 1 << 14, blocks: 3 });
    const { ring, engine } = gateway;
    const landing = engine.memory.allocate(65_536).address;
    const append = (length: number, seed: number, time: number) => {
      engine.memory.u8.set(bytes(length, seed), landing);
      return ring.append(landing, length, time);
    };
    expect([ring.waiting, ring.handOver(), ring.isEmpty]).toEqual([0, 0, true]);
    const lengths = [60, 61, 178, 1500, 14, 9000];
    for (const [i, length] of lengths.entries()) expect(append(length, i, 3e9 + 256 * i)).toBe(true);
    expect(gateway.receive()).toEqual([]);
    expect([ring.waiting, ring.handOver(), ring.waiting, ring.isEmpty]).toEqual([6, 6, 0, false]);
    expect(gateway.receive()).toEqual(
      lengths.map((length, i) => ({
        data: bytes(length, i),
        originalLength: length,
        linkType: 1,
        time: BigInt(3e9 + 256 * i),
      })),
    );
    expect(ring.isEmpty).toBe(true);
    // What does not fit any more begins the next block, and what no block takes is cut.
    for (let i = 0; i < 3; i++) expect(append(16_000, i, 0)).toBe(true);
    expect(append(16_000, 3, 0)).toBe(false);
    expect(append(16_000, 3, 0)).toBe(false);
    const got = [];
    for (let some = gateway.receive(); some.length > 0; some = gateway.receive()) got.push(...some);
    expect(got.map(({ data }) => data)).toEqual([0, 1, 2].map((i) => bytes(16_000, i)));
    expect(append(20_000, 4, 0)).toBe(true);
    ring.handOver();
    expect(gateway.receive()).toMatchObject([{ data: bytes(16_384 - 96, 4), originalLength: 20_000 }]);
  });

  test("lie there as the kernel lays them (include/uapi/linux/if_packet.h)", async () => {
    const { ring, engine, start } = await Ring.create();
    const tag = { control: 0x6005, protocol: 0x8100 };
    expect(
      ring.push([{ data: bytes(61, 1), originalLength: 90, tag }, { data: bytes(60, 2) }], 0, 3_000_000_005n),
    ).toBe(2);
    const view = new DataView(engine.memory.memory.buffer);
    const word = (offset: number) => view.getUint32(start + offset, true);
    expect([word(8), word(12), word(16)]).toEqual([1, 2, 48]); // status, frames, first
    const first = 48;
    // next, seconds, nanoseconds, captured, length, status
    expect([0, 4, 8, 12, 16, 20].map((field) => word(first + field))).toEqual([112, 3, 5, 61, 90, 16 | 64]);
    const mac = view.getUint16(start + first + 24, true);
    expect(engine.memory.u8.slice(start + first + mac, start + first + mac + 61)).toEqual(bytes(61, 1));
    expect([word(first + 32), view.getUint16(start + first + 36, true), word(first + 40)]).toEqual([
      0x6005, 0x8100, 0,
    ]);
    expect([word(first + 112 + 12), word(first + 112 + 20), word(first + 112 + 40)]).toEqual([60, 0, 0]);
  });

  test("a ring that is full takes none, and some as soon as the engine has emptied a block", async () => {
    const gateway = await Ring.create({ blockSize: 4096, blocks: 2 });
    const { ring } = gateway;
    const frames = Array.from({ length: 10 }, (_, i) => ({ data: bytes(1000, i) }));
    expect([0, 3, 6].map((first) => ring.push(frames, first, 0n))).toEqual([3, 3, 0]);
    expect(ring.push(frames, 10, 0n)).toBe(0);
    expect(gateway.receive().map(({ data }) => data)).toEqual(frames.slice(0, 6).map(({ data }) => data));
    expect(ring.push(frames, 6, 0n)).toBe(3);
    expect(ring.push(frames, 9, 0n)).toBe(1);
    expect(ring.push(frames, 9, 0n)).toBe(0);
  });

  test("one that is longer than a block, or than any slot, is cut; its length stays known", async () => {
    const short = await Ring.create({ blockSize: 4096, blocks: 2 });
    expect(short.ring.push([{ data: bytes(5000, 1) }], 0, 0n)).toBe(1);
    expect(short.receive()).toMatchObject([{ data: bytes(4000, 1), originalLength: 5000 }]);
    const long = await Ring.create();
    expect(long.ring.push([{ data: bytes(200_000, 1) }], 0, 0n)).toBe(1);
    expect(long.receive()).toMatchObject([
      { data: bytes(SlotPool.LONGEST_LARGE, 1), originalLength: 200_000 },
    ]);
  });

  test("wait in the ring until there is a slot", async () => {
    const gateway = await Ring.create(undefined, 8);
    const frames = Array.from({ length: 20 }, (_, i) => ({ data: bytes(60, i) }));
    expect(gateway.ring.push(frames, 0, 0n)).toBe(20);
    expect([gateway, gateway, gateway].map((each) => each.receive().length)).toEqual([8, 8, 4]);
  });
});
