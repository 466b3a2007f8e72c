// The comparison of engine and reference where packets are delivered: verdicts, every byte to every sniffer in order, and the
// accounts, which must balance after every step.

import { expect } from "vitest";
import {
  ReferenceDecoder,
  ReferenceDelivery,
  type ReferenceOptions,
  type ReferenceResult,
  type SentPacket,
} from "../reference/index.js";
import type { DeliveryOptions } from "../reference/sniffer.js";
import type { ReferenceMap } from "../reference/tenant-map.js";
import { expectConservation } from "./compare.js";
import type { DeliveringEngine } from "./delivering.js";
import type { Frame } from "./harness.js";

/** Frames that come at once, and how many packets each sniffer's sender takes then. */
export interface Step {
  frames: Frame[];
  takes: Map<string, number>;
}

/** By packet, what the reference's decoder and map make of it; of what is settled with it, in order. */
export type Decoded = { packet: number; result: ReferenceResult }[][];

export function decodeAll(options: ReferenceOptions, steps: readonly Step[]): Decoded {
  const decoder = new ReferenceDecoder(options);
  let packet = 0;
  return steps.flatMap(({ frames }) =>
    frames.map(({ frame, originalLength, time, linkType }) =>
      decoder.packet(++packet, frame, originalLength, time, linkType),
    ),
  );
}

export interface Comparison {
  map: ReferenceMap;
  options: DeliveryOptions;
  steps: readonly Step[];
  decoded: Decoded;
}

/** Runs the engine over the steps and fails on the first difference. Gives how often each verdict came. */
export function expectDeliversEqually(
  engine: DeliveringEngine,
  { map, options, steps, decoded }: Comparison,
): Record<string, number> {
  const reference = new ReferenceDelivery(map, options);
  const names = map.sniffers.map(({ name }) => name);
  const seen: Record<string, number> = {};
  const expected = new Map<number, string>();
  const verdicts = new Map<number, string>();
  let packet = 0;
  let chosen = 0;
  const deliver = () => {
    for (const { packet: number, result } of decoded[packet++]!) {
      const { verdict, offers } = reference.deliver(result);
      chosen += offers.length;
      seen[verdict] = (seen[verdict] ?? 0) + 1;
      expected.set(number, verdict === "delivered" ? `${verdict} ${result.tenant}` : verdict);
    }
  };
  const expectVerdicts = () => {
    for (const [number, verdict] of expected) {
      if (verdicts.get(number) !== verdict)
        expect.soft(verdicts.get(number), `packet ${number}`).toBe(verdict);
    }
    if (verdicts.size !== expected.size)
      expect.fail(`${verdicts.size} packets settled, not ${expected.size}`);
    expected.clear();
    verdicts.clear();
  };
  const drainAll = () => {
    const drained = engine.drain();
    for (const name of names) {
      expectPackets(name, drained.get(name) ?? [], reference.take(name));
    }
  };

  for (const { frames, takes } of steps) {
    for (let done = 0; done < frames.length; ) {
      const announced = engine.announce(frames.slice(done));
      expect(announced).toBeGreaterThan(0);
      for (let from = 0; from < announced; ) {
        const to = engine.process(from, verdicts);
        for (; from < to; from++) deliver();
        expectVerdicts();
        expectAccounts(engine, reference, names, chosen);
        // Lent frames, and datagrams where they were put together, are sent before anything else is done.
        if (engine.settlesAtOnce) drainAll();
      }
      engine.expectOnlyFramesWritten(frames.slice(done, done + announced));
      done += announced;
    }
    if (engine.settlesAtOnce) continue;
    for (const [name, count] of takes) {
      expectPackets(name, engine.take(name, count), reference.take(name, count));
    }
  }
  drainAll();
  engine.engine.batch.clear();
  expectAccounts(engine, reference, names, chosen);
  expect(engine.freeSlots()).toEqual([engine.engine.slots.count, engine.engine.slots.largeCount]);
  return seen;
}

export function packetText({ frames, originalLength, time }: SentPacket): string {
  return `${time} ${originalLength} ${frames.map((bytes) => Buffer.from(bytes).toString("hex")).join(" | ")}`;
}

function expectPackets(
  sniffer: string,
  actual: readonly SentPacket[],
  expected: readonly SentPacket[],
): void {
  for (let i = 0; i < Math.min(actual.length, expected.length); i++) {
    const [one, other] = [packetText(actual[i]!), packetText(expected[i]!)];
    if (one !== other) expect(one, `packet ${i} of ${actual.length} to ${sniffer}`).toBe(other);
  }
  if (actual.length !== expected.length) {
    expect.fail(`${actual.length} packets to ${sniffer}, expected ${expected.length}`);
  }
}

/** Equal to the reference's, and in balance. */
function expectAccounts(
  { engine }: DeliveringEngine,
  reference: ReferenceDelivery,
  names: readonly string[],
  chosen: number,
): void {
  const accounts = engine.queues.accounts();
  let offered = 0;
  for (const name of names) {
    const { sentBytes: _, ...account } = accounts.get(name)!;
    const { taken, ...others } = reference.account(name);
    const expected: typeof account = { ...others, sent: taken, sendError: 0, inFlight: 0 };
    const keys = Object.keys(expected) as (keyof typeof account)[];
    if (keys.some((key) => account[key] !== expected[key])) expect(account, name).toEqual(expected);
    const { offered: own, ...rest } = account;
    if (Object.values(rest).reduce((a, b) => a + b) !== own) expect.fail(`${name} is out of balance`);
    offered += own;
  }
  if (offered !== chosen) expect.fail(`offered ${offered}, chosen ${chosen}`);
  expectConservation(engine);
}
