// Isolation, for as many packets as are asked for (`npm run isolation`: 10^8): random maps, random packets again and again in random
// order, and no frame is ever offered to a sniffer of a tenant that the reference does not name. The accounts hold for each map.

import fc from "fast-check";
import { expect, test } from "vitest";
import * as at from "../../assembly/memory/layout.js";
import { Engine, VERDICTS } from "../../src/engine/index.js";
import { DEFAULTS, mutations, ReferenceDecoder } from "../reference/index.js";
import { seeded } from "../reference/mutate.js";
import { seeds } from "./corpus.js";
import type { Frame } from "./harness.js";
import { bothForms, type RandomMap, randomMap } from "./random-delivery.js";

const PACKETS = Number(process.env.SPANGATE_PACKETS ?? 200_000);
const SEED = Number(process.env.SPANGATE_SEED ?? 1);
/** Packets of one map, and how many different ones they are. */
const RUN = Math.min(1 << 17, Math.ceil(PACKETS / 8));
const POOL = 2048;
const LONGEST = 1900;
const TIMEOUT = 60_000_000_000n;

interface Packet {
  readonly frame: Frame;
  /** Index of its tenant; -1: nobody's. */
  readonly tenant: number;
}

/** Packets that the reference settles one by one. Fragments need each other: so long apart, none finds another. */
function packetsFor(map: NonNullable<ReturnType<typeof bothForms>>["reference"], stream: Iterator<Frame>) {
  const decoder = new ReferenceDecoder({ ...DEFAULTS, map });
  const packets: Packet[] = [];
  for (let number = 1; packets.length < POOL; number++) {
    const frame = number % 3 === 0 ? seeds[number % seeds.length]! : (stream.next().value as Frame);
    if (frame.frame.length > LONGEST) continue;
    const settled = decoder.packet(
      number,
      frame.frame,
      frame.originalLength,
      BigInt(number) * TIMEOUT,
      frame.linkType,
    );
    const result = settled.find(({ packet }) => packet === number)?.result;
    if (result === undefined || result.verdict.startsWith("fragment") || result.verdict === "reassembled")
      continue;
    const tenant = map.tenants.findIndex(({ name }) => name === result.tenant);
    packets.push({ frame, tenant: result.verdict === "delivered" ? tenant : -1 });
  }
  return packets;
}

test(`nobody else's packet in ${PACKETS}`, { timeout: 24 * 3_600_000 }, async () => {
  const random = seeded(SEED);
  const stream = mutations(SEED * 1000 + 7, seeds);
  const maps = fc.sample(randomMap, { seed: SEED, numRuns: 40 + Math.ceil((PACKETS / RUN) * 8) });
  const totals: Record<string, number> = {};
  let received = 0;
  let offered = 0;
  let used = 0;
  for (const map of maps) {
    if (received >= PACKETS) break;
    const forms = map.tenants.length > 1 ? bothForms(withoutRates(map)) : undefined;
    if (forms === undefined) continue;
    used++;
    const engine = await Engine.create({ sessions: 4096 });
    engine.replaceMap(forms.compiled.image);
    const tenantOfSniffer = new Map(
      forms.compiled.tenants.flatMap(({ sniffers }, t) => sniffers.map((name) => [name, t])),
    );
    const packets = packetsFor(forms.reference, stream);
    const count = Math.min(RUN, PACKETS - received);
    for (let done = 0; done < count; done += engine.batch.capacity) {
      announce(engine, packets, random, Math.min(engine.batch.capacity, count - done));
      for (let from = 0; from < engine.batch.count; ) from = engine.process(from);
      offered += expectOwn(engine, packets, tenantOfSniffer);
    }
    engine.batch.clear();
    const counters = engine.counters();
    const fates = VERDICTS.reduce((sum, name) => sum + counters[name], 0);
    expect(fates + counters.held).toBe(counters.received);
    for (const [name, { offered, queued, inFlight, ...ends }] of engine.queues.accounts()) {
      const { sentBytes: _, ...settled } = ends;
      const all = Object.values(settled).reduce((sum, each) => sum + each, queued + inFlight);
      expect(all, name).toBe(offered);
    }
    expect(engine.slots.free).toBe(engine.slots.count);
    for (const name of VERDICTS) totals[name] = (totals[name] ?? 0) + counters[name];
    received += counters.received;
    engine.dispose();
  }
  console.log(`${received} packets, ${used} maps, ${offered} deliveries: ${JSON.stringify(totals)}`);
  expect(received).toBe(PACKETS);
  expect(offered).toBeGreaterThan(PACKETS / 20);
});

/** A packet's time is a number here, and nothing that a rate could go by; and queues that a batch does not fill. */
function withoutRates(map: RandomMap): RandomMap {
  const tenants = map.tenants.map((tenant) => ({
    ...tenant,
    rate: undefined,
    sniffers: tenant.sniffers.map(({ rate: _, ...sniffer }) => ({ ...sniffer, queue: at.BATCH })),
  }));
  return { ...map, tenants };
}

/** A packet's number in the pool is its time, which its deliveries carry. */
function announce(
  engine: Engine,
  packets: readonly Packet[],
  random: (n: number) => number,
  count: number,
): void {
  const { batch, slots } = engine;
  batch.clear();
  for (let i = 0; i < count; i++) {
    const number = random(packets.length);
    const { frame, originalLength, linkType } = packets[number]!.frame;
    const slot = slots.take(frame.length);
    slots.bytes(slot, frame.length).set(frame);
    batch.pushSlot(slot, slots.address(slot), frame.length, originalLength, 0, number, linkType);
  }
}

function expectOwn(
  engine: Engine,
  packets: readonly Packet[],
  tenantOfSniffer: ReadonlyMap<string, number>,
): number {
  const { deliveries } = engine;
  let seen = 0;
  while (deliveries.take() > 0) {
    for (let i = 0; i < deliveries.count; i++) {
      const record = deliveries.record(i);
      const number = deliveries.word(record, at.RECORD_TIME);
      const sniffer = deliveries.sniffer(record);
      if (packets[number]!.tenant !== tenantOfSniffer.get(sniffer))
        expect.fail(`${sniffer} got packet ${number}, which is tenant ${packets[number]!.tenant}'s`);
    }
    seen += deliveries.count;
    deliveries.settle();
  }
  return seen;
}
