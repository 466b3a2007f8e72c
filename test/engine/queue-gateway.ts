// A small gateway for tests of queues: tenant n is ERSPAN session n, and every packet tells its number.

import { Engine, type EngineOptions } from "../../src/engine/index.js";
import { type Build, type EngineExports, instantiate, loadModule } from "../../src/engine/wasm.js";
import { type CompiledMap, compileMap } from "../../src/mapping/index.js";
import { erspan2, ethernet, gre, ipv4 } from "../reference/packets.js";
import { configOf } from "./random-map.js";

export interface Sniffer {
  name: string;
  queue?: number;
  overflow?: "drop-newest" | "drop-oldest";
}

/** One tenant for each list of sniffers, by session from 0. */
export function mapOf(...tenants: Sniffer[][]): CompiledMap {
  const config = configOf(
    JSON.stringify({
      sniffers: tenants.flat(),
      tenants: tenants.map((sniffers, session) => ({
        name: `tenant-${session}`,
        sources: [{ encapsulation: "erspan", session }],
        sniffers: sniffers.map(({ name }) => name),
      })),
    }),
  );
  if (config === undefined) throw new Error("no such map");
  return compileMap(config, { delivery: "plain" });
}

/** Where the number of a packet stands in its frame. */
export const NUMBER_AT = 14;

/** The mirrored packet number `number` of the tenant of `session`. */
export function mirrored(session: number, number: number, length = 64): Uint8Array {
  const inner = ethernet(0x88b5, new Uint8Array(length - 14).fill(session + 1));
  new DataView(inner.buffer, inner.byteOffset).setUint32(NUMBER_AT, number);
  const payload = gre(0x88be, erspan2(inner, { session }), { sequence: number });
  // 0: longer than the field can say.
  return ethernet(0x0800, ipv4(47, payload, payload.length > 0xff00 ? { totalLength: 0 } : {}));
}

/** How frames come: in a slot of the engine, or lent and copied. */
export type Origin = "slot" | "lent";

export class QueueGateway {
  readonly #lent: number;
  readonly #into: number;

  private constructor(
    readonly engine: Engine,
    /** A second instance, as a sender's. */
    private readonly sender: EngineExports,
  ) {
    this.#lent = engine.allocate(2 ** 18).address;
    this.#into = engine.allocate(4096).address;
  }

  static async create(map: CompiledMap, options: Partial<EngineOptions> = {}, build?: Build) {
    const engine = await Engine.create({ sessions: 64, queues: 64, ...options }, build);
    engine.replaceMap(map.image);
    const sender = await instantiate(await loadModule(build ?? "plain"), engine.memory.memory);
    sender.attach(engine.worker, 0);
    return new QueueGateway(engine, sender);
  }

  /** Offers one packet. Gives its verdict, or undefined when there was no slot to receive it in. */
  offer(frame: Uint8Array, from: Origin = "slot"): number | undefined {
    const { batch, slots, memory } = this.engine;
    batch.clear();
    const slot = from === "slot" ? slots.take(frame.length) : -1;
    if (from === "slot" && slot < 0) return undefined;
    const address = slot < 0 ? this.#lent : slots.address(slot);
    memory.u8.set(frame, address);
    if (slot < 0) batch.push(address, frame.length, frame.length, 0, 0, 1);
    else batch.pushSlot(slot, address, frame.length, frame.length, 0, 0, 1);
    this.engine.process();
    const verdict = batch.verdict(0);
    batch.clear();
    return verdict;
  }

  /** Records of the oldest packets of a queue. */
  takeFrom(queue: number, most: number): number[] {
    const count = this.sender.takeFrom(queue, most, this.#into);
    return [...this.engine.memory.u32.subarray(this.#into >>> 2, (this.#into >>> 2) + count)];
  }
  settleFrom(queue: number, entry: number, sent: boolean): void {
    this.sender.settleFrom(queue, entry, sent ? 1 : 0);
  }

  /** What the worker's own sender takes: name and number of each, in order. */
  take(most?: number): string[] {
    const { deliveries } = this.engine;
    const count = deliveries.take(most);
    const taken = Array.from({ length: count }, (_, i) => {
      const record = deliveries.record(i);
      return `${deliveries.sniffer(record)} ${numberIn(deliveries.frame(record))}`;
    });
    deliveries.settle();
    return taken;
  }
}

export function numberIn(frame: Uint8Array): number {
  return new DataView(frame.buffer, frame.byteOffset).getUint32(NUMBER_AT);
}
