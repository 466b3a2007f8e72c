// The rings of AF_XDP against a kernel that is played: random packets with random maps come out of them byte for byte as the reference
// delivers them, and with its accounts.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { VERDICTS } from "../../src/engine/index.js";
import {
  DEFAULTS,
  mutations,
  ReferenceDecoder,
  ReferenceDelivery,
  type ReferenceOptions,
} from "../reference/index.js";
import { seeded } from "../reference/mutate.js";
import { wrap } from "../reference/mutate-shapes.js";
import type { ReferenceMap } from "../reference/tenant-map.js";
import { engineOptions } from "./agreement.js";
import { seeds } from "./corpus.js";
import { account, headrooms, MAC_AT, shape, withCompletion } from "./numbered.js";
import { bothForms, hostFrame, type RandomMap, randomMap } from "./random-delivery.js";
import { RingGateway } from "./ring-gateway.js";

const MAPS = Number(process.env.SPANGATE_MAPS ?? 30);
const SEED = Number(process.env.SPANGATE_SEED ?? 1);
const ETHERNET_AND_TAG = 18;

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
