// What the kernel drops in the call that should send it: its account is the sniffer's whose packet it was.

import fc from "fast-check";
import { expect, test } from "vitest";
import * as sockets from "../../assembly/memory/sockets.js";
import type { Telling } from "./fake-kernel.js";
import { account, innerFrame, mirrored, numberedMap, numberIn, RINGS } from "./numbered.js";
import { RingGateway } from "./ring-gateway.js";

const SNIFFERS = ["0.0", "1.0", "2.0"] as const;
/** Of one entry, and of several. */
const LENGTHS = [60, sockets.XDP_PIECE + 1, 3 * sockets.XDP_PIECE];

interface Packet {
  readonly session: number;
  readonly length: number;
  readonly isDropped: boolean;
}

const packet = fc.record({
  session: fc.nat(SNIFFERS.length - 1),
  length: fc.constantFrom(...LENGTHS),
  isDropped: fc.boolean(),
});
const bursts = fc.array(fc.array(packet, { maxLength: 8 }), { minLength: 1, maxLength: 12 });

/** Bursts go through the loop one by one; each sniffer's send errors are its packets that were dropped. */
async function expectErrors(all: readonly (readonly Packet[])[], start: number, tells: Telling) {
  const gateway = await RingGateway.create(
    numberedMap(SNIFFERS.map(() => ({}))),
    { rings: RINGS(64, start), longest: 9018 },
    { slots: 256, reserved: 64, largeSlots: 64 },
  );
  const { kernel, thread } = gateway;
  const packets = all.flat();
  let number = 0;
  for (const burst of all) {
    for (const { session, length } of burst) {
      gateway.refill();
      expect(gateway.arrive(mirrored(session, innerFrame(number++, length)))).toBe(true);
      gateway.receive();
    }
    gateway.transmit();
    for (let calls = 0; gateway.unsent() > 0; calls++) {
      expect(calls).toBeLessThan(100);
      if (kernel.wake((frame) => packets[numberIn(frame)]!.isDropped, tells)) thread.notSent(kernel.delivery);
    }
    kernel.complete();
    gateway.complete();
    gateway.check();
  }
  for (const [session, sniffer] of SNIFFERS.entries()) {
    const its = packets.filter((each) => each.session === session);
    const sendError = its.filter(({ isDropped }) => isDropped).length;
    expect(account(gateway, sniffer)).toMatchObject({
      offered: its.length,
      sent: its.length - sendError,
      sendError,
    });
  }
}

const start = fc.oneof(fc.constant(0), fc.integer({ min: 2 ** 32 - 40, max: 2 ** 32 - 1 }));

test.each(["always", "sent"] as const)(
  "some among others, by a kernel that tells where it is: %s",
  async (tells) => {
    await fc.assert(fc.asyncProperty(bursts, start, (all, begin) => expectErrors(all, begin, tells)));
  },
);

test("all, by one that tells late", async () => {
  const dropped = bursts.map((all) =>
    all.map((burst) => burst.map((each) => ({ ...each, isDropped: true }))),
  );
  await fc.assert(fc.asyncProperty(dropped, start, (all, begin) => expectErrors(all, begin, "late")));
});

test("a burst now and then, by the same", async () => {
  const either = fc.array(fc.tuple(fc.array(packet, { maxLength: 8 }), fc.boolean()), { maxLength: 12 });
  const whole = either.map((all) =>
    all.map(([burst, isDropped]) => burst.map((each) => ({ ...each, isDropped }))),
  );
  await fc.assert(fc.asyncProperty(whole, start, (all, begin) => expectErrors(all, begin, "late")));
});
