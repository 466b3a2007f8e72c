// Receiving and sending by AF_PACKET against a kernel that is played: what comes is what the kernel had, tags and all; what goes out is
// whole and in order, whatever the interface takes of it.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SlotPool } from "../../src/engine/index.js";
import { compileMap } from "../../src/mapping/index.js";
import { erspan2, ethernet, gre, ipv4 } from "../reference/packets.js";
import { type Announced, type Arriving, PacketGateway } from "./packet-gateway.js";
import { configOf } from "./random-map.js";

const NUMBER_AT = 14;
const PLAIN = "02:5f:00:00:00:01";
const NONE = map([]);

function map(sniffers: readonly Record<string, unknown>[]) {
  const config = {
    delivery: { mtu: 1500, mac: "02:00:00:00:00:99", addresses: ["203.0.113.1"] },
    sniffers: sniffers.map((words, i) => ({ name: `s${i}`, ...words })),
    tenants: sniffers.map((_, i) => ({
      name: `t${i}`,
      sources: [{ encapsulation: "erspan", session: i }],
      sniffers: [`s${i}`],
    })),
  };
  return compileMap(configOf(JSON.stringify(config))!, { delivery: "configured" });
}

function inner(number: number, length: number): Uint8Array {
  const frame = ethernet(
    0x88b5,
    new Uint8Array(length - 14).map((_, i) => number * 7 + i),
  );
  new DataView(frame.buffer).setUint32(NUMBER_AT, number);
  return frame;
}
function mirrored(session: number, frame: Uint8Array): Uint8Array {
  return ethernet(0x0800, ipv4(47, gre(0x88be, erspan2(frame, { session }), { sequence: 1 })));
}
const numberIn = (frame: Uint8Array) => Buffer.from(frame).readUInt32BE(NUMBER_AT);
const bytes = (length: number, seed: number) => Uint8Array.from({ length }, (_, i) => seed + i * 3);
const tagged = (frame: Uint8Array, protocol: number, control: number) =>
  Uint8Array.of(
    ...frame.subarray(0, 12),
    protocol >> 8,
    protocol & 255,
    control >> 8,
    control & 255,
    ...frame.subarray(12),
  );

describe("frames from blocks", () => {
  const frame = fc.record({
    length: fc.oneof(
      fc.integer({ min: 14, max: 200 }),
      fc.constantFrom(1980, 1983, 1984, 1985, 9000, 65_535),
    ),
    cut: fc.constantFrom(0, 0, 1000),
    tag: fc.option(
      fc.record({
        control: fc.integer({ min: 0, max: 0xffff }),
        protocol: fc.constantFrom(undefined, 0x8100, 0x88a8),
      }),
    ),
    time: fc.bigInt({ min: 0n, max: 4_000_000_000_000_000_000n }),
  });

  test("come as they were, tags put back, cut where there is no room, and blocks go back", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof({ weight: 5, arbitrary: fc.array(frame, { maxLength: 12 }) }, fc.constant([])), {
          maxLength: 12,
        }),
        fc.integer({ min: 0, max: 6 }),
        async (blocks, largeSlots) => {
          const gateway = await PacketGateway.create(
            NONE,
            { blockSize: 1 << 20, blocks: 3 },
            { slots: 300, largeSlots },
          );
          let seed = 0;
          for (const frames of blocks) {
            const arriving = frames.map(
              ({ length, cut, tag, time }): Arriving => ({
                frame: bytes(length, seed++),
                length: length + cut,
                time,
                ...(tag === null
                  ? {}
                  : { tag: { control: tag.control, ...(tag.protocol && { protocol: tag.protocol }) } }),
              }),
            );
            expect(gateway.arrive(arriving)).toBe(true);
            const expected = arriving.map(({ frame, length, tag, time }) => {
              const whole = tag === undefined ? frame : tagged(frame, tag.protocol ?? 0x8100, tag.control);
              const isCut = whole.length > SlotPool.LONGEST && largeSlots === 0;
              const room = Math.min(whole.length, SlotPool.LONGEST_LARGE);
              return {
                bytes: whole.subarray(0, isCut ? SlotPool.LONGEST : room),
                original: length! + (whole.length - frame.length),
                time,
              };
            });
            // Half of the large slots are the queues': what is longer than others waits for the next round.
            const isLong = ({ bytes }: Pick<Announced, "bytes">) => bytes.length > SlotPool.LONGEST;
            const most = Math.ceil(largeSlots / 2);
            const received: Announced[] = [];
            do {
              const round = gateway.receive();
              received.push(...round);
              const [long, next] = [round.filter(isLong).length, expected[received.length]];
              expect(long).toBeLessThanOrEqual(most);
              if (next !== undefined) expect([isLong(next), long]).toEqual([true, most]);
            } while (received.length < expected.length);
            expect(received).toEqual(expected);
            expect(gateway.held).toBe(0);
            gateway.check();
          }
          gateway.expectEmpty();
        },
      ),
      { numRuns: 40 },
    );
  });

  test("several blocks in a batch, one block in several, and an empty one", async () => {
    const gateway = await PacketGateway.create(NONE, { blocks: 4 });
    const some = (count: number, from: number) =>
      Array.from({ length: count }, (_, i) => ({ frame: bytes(60, from + i) }));
    expect(gateway.arrive(some(10, 0))).toBe(true);
    expect(gateway.arrive([])).toBe(true);
    expect(gateway.arrive(some(600, 10))).toBe(true);
    expect(gateway.arrive(some(3, 610))).toBe(true);
    expect(gateway.arrive(some(1, 0))).toBe(false);
    const rounds: number[] = [];
    const seeds: number[] = [];
    for (let got = gateway.receive(); got.length > 0; got = gateway.receive()) {
      rounds.push(got.length);
      seeds.push(...got.map(({ bytes }) => bytes[0]!));
    }
    expect(rounds).toEqual([256, 256, 101]);
    expect(seeds).toEqual(Array.from({ length: 613 }, (_, i) => i & 255));
    gateway.expectEmpty();
    for (let i = 0; i < 9; i++) {
      expect(gateway.arrive(some(1, i))).toBe(true);
      expect(gateway.receive()).toHaveLength(1);
    }
  });

  test("wait in the ring while no slot is free", async () => {
    const gateway = await PacketGateway.create(
      map([{ deliver: "mac", mac: PLAIN }]),
      {},
      { slots: 8, reserved: 0 },
    );
    const frames = Array.from({ length: 20 }, (_, i) => ({ frame: mirrored(0, inner(i, 80)) }));
    gateway.arrive(frames);
    // Of the slots that are left a queue may have no more than half.
    let received = 0;
    for (let got = gateway.receive(); got.length > 0; got = gateway.receive()) received += got.length;
    expect(received).toBe(20);
    while (gateway.transmit(256) !== undefined) gateway.check();
    gateway.expectEmpty();
  });
});

describe("messages", () => {
  const call = fc.record({
    arrive: fc.integer({ min: 0, max: 60 }),
    most: fc.constantFrom(0, 0, 1, 3, 17, 256, 256),
  });

  test("go out once each, in order, whatever the interface takes, and what it refuses is an error", async () => {
    const seen = { sent: 0, refused: 0, fragments: 0, partial: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(call, { minLength: 5, maxLength: 60 }),
        fc.integer({ min: 2, max: 50 }),
        async (calls, poison) => {
          const sniffers = [
            { deliver: "mac", mac: PLAIN },
            { deliver: "mac", mac: "02:5f:00:00:00:02", vlan: 7 },
            { deliver: "vxlan", to: "198.51.100.9", vni: 5, mac: "02:5f:00:00:00:03", fit: "fragment" },
          ];
          const gateway = await PacketGateway.create(
            map(sniffers),
            { blockSize: 1 << 20 },
            { slots: 500, largeSlots: 40 },
          );
          const refuses = (frame: Uint8Array) => frame[5] !== 3 && numberAt(frame) % poison === 0;
          const numberAt = (frame: Uint8Array) => numberIn(frame[5] === 2 ? frame.subarray(4) : frame);
          let number = 0;
          const turn = (arrive: number, most: number) => {
            const lengths = [60, 300, 1400, 5000];
            const frames = Array.from({ length: arrive }, () => {
              const session = number % 3;
              const length = session === 2 ? lengths[number % 4]! : lengths[number % 3]!;
              return { frame: mirrored(session, inner(number++, length)) };
            });
            if (frames.length > 0) expect(gateway.arrive(frames)).toBe(true);
            while (gateway.receive().length > 0);
            const waiting = gateway.thread.inFlight;
            const done = gateway.transmit(most, refuses);
            if (waiting > 0 && done === 0) seen.partial++;
            gateway.check();
            return done;
          };
          for (const { arrive, most } of calls) turn(arrive, most);
          while (turn(0, 256) !== undefined);
          gateway.expectEmpty();

          const accounts = [0, 1, 2].map((i) => gateway.engine.queues.accounts().get(`s${i}`)!);
          for (const [i, { sent, sendError }] of accounts.entries()) {
            const own = gateway.wire.filter((frame) => frame[5] === i + 1);
            seen.sent += sent;
            seen.refused += sendError;
            if (i === 2) {
              seen.fragments += own.length - sent;
              expect(own.length).toBeGreaterThanOrEqual(sent);
              expect(sendError).toBe(0);
              continue;
            }
            expect(own.length).toBe(sent);
            const numbers = own.map(numberAt);
            expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
            expect(new Set(numbers).size).toBe(numbers.length);
            expect(numbers.some((each) => each % poison === 0)).toBe(false);
          }
        },
      ),
      { numRuns: 60 },
    );
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(20);
  });

  test("of a packet in fragments none goes after one that is refused, nor is another packet's harmed", async () => {
    const sniffer = {
      deliver: "vxlan",
      to: "198.51.100.9",
      vni: 5,
      mac: "02:5f:00:00:00:03",
      fit: "fragment",
    };
    const gateway = await PacketGateway.create(
      map([sniffer]),
      { blockSize: 1 << 20 },
      { slots: 2000, largeSlots: 80 },
    );
    // 40 packets of 7 fragments: some packet's are in one call and the next.
    gateway.arrive(Array.from({ length: 40 }, (_, i) => ({ frame: mirrored(0, inner(i, 9000)) })));
    gateway.receive();
    const identification = (frame: Uint8Array) => Buffer.from(frame).readUInt16BE(18);
    const offset = (frame: Uint8Array) => (Buffer.from(frame).readUInt16BE(20) & 0x1fff) * 8;
    const first = new Map<number, number>();
    const packetOf = (frame: Uint8Array) => {
      const id = identification(frame);
      if (!first.has(id)) first.set(id, first.size);
      return first.get(id)!;
    };
    // Of every fifth packet the third fragment, and of packet 36 the first one behind the call's end.
    const refuses = (frame: Uint8Array) => {
      const packet = packetOf(frame);
      return (
        (packet % 5 === 0 && offset(frame) > 2500 && offset(frame) < 4400) ||
        (packet === 36 && offset(frame) > 5600)
      );
    };
    while (gateway.transmit(256, refuses) !== undefined) gateway.check();
    gateway.expectEmpty();
    const { sent, sendError } = gateway.engine.queues.accounts().get("s0")!;
    expect([sent, sendError]).toEqual([31, 9]);
    const counts = new Map<number, number>();
    for (const frame of gateway.wire) counts.set(packetOf(frame), (counts.get(packetOf(frame)) ?? 0) + 1);
    for (const [packet, count] of counts)
      expect(count, `packet ${packet}`).toBe(packet % 5 === 0 ? 2 : packet === 36 ? 4 : 7);
  });
});
