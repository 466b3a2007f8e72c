// The clock by which the host tells packets' times is set while fragments are held: they are no older for that.

import { expect, test } from "vitest";
import { fragmentsOf } from "../reference/mutate-shapes.js";
import { ethernet, gre, ipv4 } from "../reference/packets.js";
import { numberedMap } from "./numbered.js";
import { RingGateway } from "./ring-gateway.js";

const SECOND = 1_000_000_000n;
const NOW = 1_700_000_000n * SECOND;
const HOUR = 3600n * SECOND;
const RING = { size: 64, start: 0 };
const RINGS = { fill: RING, rx: RING, tx: RING, completion: RING };
const inner = ethernet(0x0800, ipv4(6, new Uint8Array(76)));
const pieces = fragmentsOf({ frame: ethernet(0x0800, ipv4(47, gre(0x6558, inner))), linkType: 1 }, 48, 9);

async function scene() {
  const kernel = { rings: RINGS, longest: 1514 };
  const sizes = { slots: 128, largeSlots: 8, memory: 24 * 2 ** 20 };
  const gateway = await RingGateway.create(numberedMap([{}]), kernel, sizes);
  const receive = (frame: Uint8Array, time: bigint) => {
    gateway.refill();
    gateway.arrive(frame);
    gateway.receive(time);
  };
  return { gateway, receive, counters: () => gateway.engine.workers[0]!.counters() };
}

test.each([
  ["an hour forward", HOUR, true, "reassembled"],
  ["an hour forward, unsaid", HOUR, false, "fragment-timeout"],
  ["two hours back", -2n * HOUR, true, "reassembled"],
  // Then the packet itself tells.
  ["two hours back, unsaid", -2n * HOUR, false, "reassembled"],
] as const)("%s", async (_, step, isSaid, verdict) => {
  const { gateway, receive, counters } = await scene();
  receive(pieces[0]!, NOW);
  expect(counters().held).toBe(1);
  if (isSaid) gateway.thread.clockSet(Number(step));
  receive(pieces[1]!, NOW + step + SECOND);
  receive(pieces[2]!, NOW + step + SECOND);
  const { held, [verdict]: count } = counters();
  expect([held, count]).toEqual(verdict === "reassembled" ? [0, 2] : [2, 1]);
});

test("and its time goes on from there", async () => {
  const { gateway, receive, counters } = await scene();
  receive(pieces[0]!, NOW);
  gateway.thread.clockSet(Number(HOUR));
  receive(ethernet(0x0806, new Uint8Array(46)), NOW + HOUR + 5n * SECOND);
  expect(counters().held).toBe(1);
  receive(ethernet(0x0806, new Uint8Array(46)), NOW + HOUR + 5n * SECOND + 1000n);
  expect(counters()).toMatchObject({ held: 0, "fragment-timeout": 1 });
});
