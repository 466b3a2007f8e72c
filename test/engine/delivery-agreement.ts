// What the reference's delivery was asked in a test file holds for the engine too: every packet is put into a tunnel that leads
// to the same decoded frame, offered to the same sniffers, and taken from their queues at the same moments.

import { describe, expect, test } from "vitest";
import {
  type Delivered,
  ReferenceDelivery,
  type ReferenceResult,
  type SentPacket,
} from "../reference/index.js";
import { erspan2, erspan3, ethernet, gre, ipv4 } from "../reference/packets.js";
import type { DeliveryOptions } from "../reference/sniffer.js";
import type { SnifferAccount } from "../reference/sniffer-queue.js";
import type { ReferenceMap } from "../reference/tenant-map.js";
import { DeliveringEngine, type Way } from "./delivering.js";
import { packetText } from "./delivery-compare.js";
import type { Frame } from "./harness.js";
import { compileReferenceMap } from "./reference-map.js";

type Asked =
  | { what: "deliver"; decoded: ReferenceResult; verdict: string }
  | { what: "take"; sniffer: string; count: number; packets: SentPacket[] }
  | { what: "account"; sniffer: string; account: SnifferAccount };

interface Recording {
  map: ReferenceMap;
  options: DeliveryOptions;
  asked: Asked[];
}

const recordings: Recording[] = [];
/** The beginning of what is asked is a whole conversation too. */
const MOST_ASKED = 12_000;
/** An engine takes 20 ms to make: of the many conversations of a property some are enough. */
const MOST_ENGINES = 80;

/** The reference's delivery, which remembers what it is asked. */
export class RecordedDelivery extends ReferenceDelivery {
  readonly #asked: Asked[] = [];

  constructor(map: ReferenceMap, options: DeliveryOptions) {
    super(map, options);
    recordings.push({ map, options, asked: this.#asked });
  }

  #remember(each: Asked): void {
    if (this.#asked.length < MOST_ASKED) this.#asked.push(each);
  }

  override deliver(decoded: ReferenceResult): Delivered {
    const delivered = super.deliver(decoded);
    // What no tenant gets is not delivery's matter.
    if (decoded.verdict === "delivered") {
      const inner = decoded.inner!.slice();
      this.#remember({ what: "deliver", decoded: { ...decoded, inner }, verdict: delivered.verdict });
    }
    return delivered;
  }

  override take(sniffer: string, count = Infinity): SentPacket[] {
    const packets = super.take(sniffer, count);
    this.#remember({ what: "take", sniffer, count, packets });
    return packets;
  }

  override account(sniffer: string): SnifferAccount {
    const account = super.account(sniffer);
    this.#remember({ what: "account", sniffer, account });
    return account;
  }
}

/** To be called last in a test file. */
export function engineDeliversAlike(): void {
  describe("the engine", () => {
    test.each<Way>(["copied", "slots"])(
      "delivers what is asked above as the reference does: %s",
      async (way) => {
        const engines = new Engines(way);
        let compared = 0;
        for (const recording of recordings) {
          const found = await engines.for(recording);
          if (found === undefined) continue;
          replay(found.engine, found.rename, recording);
          compared++;
        }
        expect(compared).toBeGreaterThan(Math.min(recordings.length, MOST_ENGINES) / 2);
      },
    );
  });
}

/** Engines, a new one for each recording that keeps anything from packet to packet. */
class Engines {
  #shared: DeliveringEngine | undefined;
  #count = 0;
  #made = 0;

  constructor(private readonly way: Way) {}

  /** Undefined when no configuration can say the map, as with an address that no host has, and when there were enough. */
  async for({ map, options }: Recording) {
    const keepsNothing = map.sniffers.length === 1 && map.sniffers.every(isForgetful) && !hasRate(map);
    const number = ++this.#count;
    const rename = (name: string) => (keepsNothing ? `${name}-${number}` : name);
    const compiled = compileReferenceMap(forEngine(map, rename), options);
    if (compiled === undefined) return undefined;
    // The rows begin with frames as they come out of a mirror; that one is addressed to a sniffer is not their point.
    const present = { ...compiled, image: { ...compiled.image, flags: 0 } };
    if (!keepsNothing) {
      if (++this.#made > MOST_ENGINES) return undefined;
      return { engine: await DeliveringEngine.create(this.way, present), rename };
    }
    if (this.#shared === undefined) this.#shared = await DeliveringEngine.create(this.way, present);
    else this.#shared.replaceMap(present);
    return { engine: this.#shared, rename };
  }
}

function isForgetful({ deliver, fit }: ReferenceMap["sniffers"][number]): boolean {
  return deliver !== "erspan2" && deliver !== "erspan3" && fit !== "fragment";
}
function hasRate({ sniffers, tenants }: ReferenceMap): boolean {
  return [...sniffers, ...tenants].some(({ rate }) => rate !== undefined);
}

function forEngine(map: ReferenceMap, rename: (name: string) => string): ReferenceMap {
  return {
    ...map,
    sniffers: map.sniffers.map((sniffer) => ({ ...sniffer, name: rename(sniffer.name) })),
    tenants: map.tenants.map((tenant) => ({
      ...tenant,
      sources: [{ encapsulation: "gre" }, { encapsulation: "erspan" }],
      sniffers: tenant.sniffers.map(rename),
    })),
  };
}

function replay(engine: DeliveringEngine, rename: (name: string) => string, { asked }: Recording): void {
  let waiting: { frame: Frame; verdict: string }[] = [];
  // T makes the decoder believe the inner header, which says more than some rows do.
  const isCut = asked.some((each) => each.what === "deliver" && each.decoded.truncated);
  const text = (packet: SentPacket) => packetText(isCut ? { ...packet, originalLength: 0 } : packet);
  const flush = () => {
    process(engine, waiting);
    waiting = [];
  };
  for (const each of asked) {
    if (each.what === "deliver") {
      waiting.push({ frame: carrier(each.decoded), verdict: each.verdict });
      if (waiting.length === 64) flush();
      continue;
    }
    flush();
    const sniffer = rename(each.sniffer);
    if (each.what === "take") {
      expect(engine.take(sniffer, each.count).map(text)).toEqual(each.packets.map(text));
    } else {
      const { taken, ...others } = each.account;
      expect(engine.account(sniffer)).toMatchObject({ ...others, sent: taken, sendError: 0, inFlight: 0 });
    }
  }
  flush();
}

function process(engine: DeliveringEngine, waiting: readonly { frame: Frame; verdict: string }[]): void {
  for (let done = 0; done < waiting.length; ) {
    const announced = engine.announce(waiting.slice(done).map(({ frame }) => frame));
    if (announced === 0) throw new Error("a frame for which there is no slot");
    const verdicts = new Map<number, string>();
    for (let from = 0; from < announced; ) from = engine.process(from, verdicts);
    const expected = waiting.slice(done, done + announced).map(({ verdict }) => verdict);
    expect([...verdicts.values()].map((verdict) => verdict.split(" ")[0])).toEqual(expected);
    done += announced;
  }
}

/** A tunnel packet that the decoder makes this of. */
function carrier({ inner, originalLength, truncated, direction, hardwareId, time }: ReferenceResult): Frame {
  const erspan = { truncated: truncated!, hardwareId: hardwareId ?? 0, outgoing: direction === "out" };
  const payload =
    direction !== undefined
      ? gre(0x22eb, erspan3(inner!, erspan))
      : truncated
        ? gre(0x88be, erspan2(inner!, erspan), { sequence: 1 })
        : gre(0x6558, inner!);
  const unseen = Math.max(0, originalLength! - inner!.length);
  const length = 20 + payload.length + unseen;
  // 0: longer than the field can say.
  const packet = ipv4(47, payload, { totalLength: length > 0xffff ? 0 : length });
  const frame = ethernet(0x0800, packet);
  return { frame, originalLength: frame.length + unseen, time: time!, linkType: 1 };
}
