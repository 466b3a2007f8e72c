// A sniffer's queue, the sequence numbers of what it took, and the equation that holds whatever happens.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { engineDeliversAlike } from "../engine/delivery-agreement.js";
import { decoded, deliveryTo, file, frameOf, offer } from "./delivery-rows.js";
import type { ReferenceDelivery, ReferenceSniffer } from "./index.js";
import { ethernet } from "./packets.js";
import { u32 } from "./region.js";

describe("queues", () => {
  const numbered = (number: number) => ethernet(0x88b5, [number]);
  const numbers = (delivery: ReferenceDelivery, count?: number) =>
    delivery.take("a", count).map(({ frames }) => frames[0]![14]);

  test("drop-newest", () => {
    const delivery = deliveryTo([file("a", { queue: 2 })]);
    const outcomes = [1, 2, 3].map((number) => offer(delivery, numbered(number)));
    expect(outcomes).toEqual(["delivered; a ok", "delivered; a ok", "queue-full; a queue-full"]);
    expect(numbers(delivery, 1)).toEqual([1]);
    expect(offer(delivery, numbered(4))).toBe("delivered; a ok");
    expect(numbers(delivery)).toEqual([2, 4]);
    expect(delivery.account("a")).toEqual({
      offered: 4,
      tooLarge: 0,
      rate: 0,
      droppedNewest: 1,
      droppedOldest: 0,
      queued: 0,
      taken: 3,
    });
  });

  test("drop-oldest", () => {
    const delivery = deliveryTo([file("a", { queue: 2, overflow: "drop-oldest" })]);
    const outcomes = [1, 2, 3, 4].map((number) => offer(delivery, numbered(number)));
    expect(outcomes.slice(2)).toEqual(["delivered; a displaced", "delivered; a displaced"]);
    expect(delivery.account("a")).toMatchObject({ offered: 4, droppedOldest: 2, queued: 2 });
    expect(numbers(delivery)).toEqual([3, 4]);
  });

  test("all fragments of a packet are one place", () => {
    const tunnel = { deliver: "gre", to: "192.0.2.1", fit: "fragment", queue: 1 } as const;
    const delivery = deliveryTo([file("a", tunnel)], {}, 100);
    expect([1, 2].map(() => offer(delivery, frameOf(400)))).toEqual([
      "delivered; a ok",
      "queue-full; a queue-full",
    ]);
    expect(delivery.take("a")[0]!.frames).toHaveLength(6);
  });
});

describe("sequence numbers", () => {
  const session = (name: string, fields: Partial<ReferenceSniffer> = {}): ReferenceSniffer =>
    file(name, { deliver: "erspan2", to: "192.0.2.1", session: 5, ...fields });
  const sequences = (delivery: ReferenceDelivery, name: string, at = 38) =>
    delivery.take(name).map(({ frames }) => u32(frames[0]!, at));

  test("are shared by destination and session, whatever the type", () => {
    const delivery = deliveryTo([
      session("a"),
      session("b", { deliver: "erspan3" }),
      session("c", { session: 6 }),
      session("d", { to: "192.0.2.2" }),
    ]);
    for (let packet = 0; packet < 3; packet++) offer(delivery, frameOf(60));
    expect(sequences(delivery, "a")).toEqual([0, 2, 4]);
    expect(sequences(delivery, "b")).toEqual([1, 3, 5]);
    expect(sequences(delivery, "c")).toEqual([0, 1, 2]);
    expect(sequences(delivery, "d")).toEqual([0, 1, 2]);
  });

  test("count what a queue took: none for what it refused, a gap for what it gave up", () => {
    const newest = deliveryTo([session("a", { queue: 1 })]);
    for (let packet = 0; packet < 3; packet++) offer(newest, frameOf(60));
    expect(sequences(newest, "a")).toEqual([0]);
    offer(newest, frameOf(60));
    expect(sequences(newest, "a")).toEqual([1]);
    const oldest = deliveryTo([session("a", { queue: 1, overflow: "drop-oldest" })]);
    for (let packet = 0; packet < 3; packet++) offer(oldest, frameOf(60));
    expect(sequences(oldest, "a")).toEqual([2]);
  });
});

test("offered = taken + refused + given up + queued, for every sniffer, whatever happens", () => {
  const sniffer = fc.record({
    deliver: fc.constantFrom("pcap" as const, "gre" as const),
    fit: fc.constantFrom("truncate" as const, "fragment" as const, "drop" as const),
    rate: fc.integer({ min: 1000, max: 100_000_000 }),
    queue: fc.integer({ min: 1, max: 6 }),
    overflow: fc.constantFrom("drop-newest" as const, "drop-oldest" as const),
  });
  const packet = fc.record({
    length: fc.integer({ min: 14, max: 3000 }),
    drained: fc.nat(3),
    wait: fc.nat(1_000_000),
  });
  const property = fc.property(
    fc.array(sniffer, { minLength: 1, maxLength: 3 }),
    fc.array(packet, { maxLength: 80 }),
    fc.constantFrom("copy" as const, "balance" as const),
    (fields, packets, fanout) => {
      const sniffers = fields.map((each, at) => file(`s${at}`, { ...each, to: "192.0.2.1" }));
      const delivery = deliveryTo(sniffers, { fanout, rate: 50_000_000 });
      let chosen = 0;
      let time = 0n;
      for (const { length, drained, wait } of packets) {
        time += BigInt(wait);
        const { verdict, offers } = delivery.deliver(decoded(frameOf(length, length & 0xff), { time }));
        chosen += offers.length;
        expect(verdict === "delivered").toBe(offers.some(({ refused }) => refused === undefined));
        for (const { name, queue } of sniffers) {
          delivery.take(name, drained);
          expect(delivery.account(name).queued).toBeLessThanOrEqual(queue!);
        }
      }
      const accounts = sniffers.map(({ name }) => delivery.account(name));
      for (const { offered, ...rest } of accounts) {
        expect(Object.values(rest).reduce((a, b) => a + b)).toBe(offered);
      }
      expect(accounts.reduce((sum, { offered }) => sum + offered, 0)).toBe(chosen);
    },
  );
  fc.assert(property, { seed: 1 });
});

engineDeliversAlike();
