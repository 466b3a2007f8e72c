// The easy way through the engine: frames in, deliveries out, one object each. Programs that want no object a packet use the
// engine's batch, slots and deliveries themselves (`spangate/engine`).

import type { Frames } from "../capture/encode-frames.js";
import { configOf } from "../config/check.js";
import type { GatewayConfig, GatewayInput } from "../config/schema.js";
import {
  type Counters,
  DEFAULT_OPTIONS,
  type DecodeOptions,
  Engine,
  type EngineOptions,
  HELD,
  type SessionTable,
  type SnifferAccounts,
  type TunnelPorts,
  VERDICTS,
  type VerdictName,
} from "../engine/index.js";
import { SpangateError } from "../errors.js";
import { compileMap, type Origin } from "../mapping/index.js";
import { engineOptions } from "./decode-options.js";
import type { Delivery } from "./delivery.js";
import { type AboutFrame, Intake } from "./intake.js";
import { Outlet } from "./outlet.js";

/** What a decapsulator is told when it is created. All that an engine is told may be given too. */
export interface DecapsulatorOptions
  extends Partial<Omit<EngineOptions, "decode" | "ports" | "lent" | "trace" | "threaded" | "sender">> {
  /**
   * Whose packets are whose: an object in the form of gateway.yaml, or a configuration that was parsed. Its `decode` and
   * `tunnel.ports` are followed too. Without a map everything that comes out of a tunnel goes to one sniffer, `all`.
   */
  readonly map?: GatewayInput | GatewayConfig;
  /** `configured`: frames as each sniffer's `deliver` says; `plain`: all of them as they were decoded. `configured` when absent. */
  readonly delivery?: "configured" | "plain";
  /** Addresses of the interface that the deliveries will leave through; what the configuration says when absent. */
  readonly origin?: Origin;
  /** What differs from the map's `decode`, and that from the defaults. */
  readonly decode?: Partial<DecodeOptions>;
  /** What differs from the map's `tunnel.ports`. */
  readonly ports?: Partial<TunnelPorts>;
  /** Told what became of each packet, by its number: once its batch is processed, of a fragment once its datagram is settled. */
  readonly onVerdict?: (packet: number, verdict: VerdictName) => void;
}

/** A frame to take out of its tunnel. Every `CapturedFrame` is one. */
export interface FrameIn extends AboutFrame {
  readonly data: Uint8Array;
}

const ALL = "all";
const ENCAPSULATIONS = ["erspan", "gre", "vxlan", "vxlan-gpe", "geneve", "tzsp", "hp-erm"] as const;
/** What there is without a map. */
const EVERYTHING: GatewayInput = {
  sniffers: [{ name: ALL, queue: 65_536 }],
  tenants: [
    { name: ALL, sources: ENCAPSULATIONS.map((encapsulation) => ({ encapsulation })), sniffers: [ALL] },
  ],
};
/** Large slots for frames of more than 1,984 bytes; those that nobody uses take no memory. */
const LARGE_SLOTS = 128;
/** Free slots that queues leave for a batch. */
const RESERVED = 256;

/**
 * Takes packets out of their tunnels and gives each tenant's to its sniffers.
 *
 * Frames are processed in batches of up to 256: `write` does it when a batch is full, `flush` now. What comes out waits in the
 * sniffers' queues, which are bounded (`queue` of a sniffer, and half of the free slots): take `deliveries` after each batch,
 * as `decapsulate` does, and nothing is lost; take them later, and queues refuse packets as they do in a gateway, and count them.
 *
 * After `dispose` every call throws `DISPOSED`.
 */
export class Decapsulator {
  readonly #engine: Engine;
  readonly #intake: Intake;
  readonly #options: Pick<DecapsulatorOptions, "delivery" | "origin" | "onVerdict">;
  readonly #reserved: number;
  readonly #outlet: Outlet;

  private constructor(engine: Engine, reserved: number, options: DecapsulatorOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#reserved = reserved;
    this.#intake = new Intake(engine, () => this.#process());
    this.#outlet = new Outlet(engine);
  }

  /**
   * Throws `CONFIG_INVALID` with all mistakes of the map (`details.mistakes`), `USAGE` for an option out of its limits,
   * `MAP_TOO_LARGE`, `MEMORY_EXHAUSTED`, and `ABI_MISMATCH` when the engine's file is of another version.
   */
  static async create(options: DecapsulatorOptions = {}): Promise<Decapsulator> {
    const { map = EVERYTHING, delivery, origin, onVerdict, decode, ports, ...others } = options;
    const config = configOf(map);
    const base = engineOptions(config.decode, config.tunnel.ports);
    const { slots = DEFAULT_OPTIONS.slots, reserved = Math.min(RESERVED, slots >>> 1) } = others;
    const engine = await Engine.create({
      largeSlots: LARGE_SLOTS,
      ...others,
      reserved,
      decode: { ...base.decode, ...decode },
      ports: { ...base.ports, ...ports },
    });
    const decapsulator = new Decapsulator(engine, reserved, options);
    decapsulator.replaceMap(config);
    return decapsulator;
  }

  /**
   * Switches to another map: packets written before are delivered by the old one. Gives the number of the new generation, from 1.
   * An engine has its `decode` and `tunnel.ports` for life: a new map's are not looked at.
   *
   * Throws `CONFIG_INVALID`, `MAP_TOO_LARGE` or `MEMORY_EXHAUSTED`; then the old map stays.
   */
  replaceMap(map: GatewayInput | GatewayConfig): number {
    this.#check();
    const { delivery = "configured", origin } = this.#options;
    const compiled = compileMap(configOf(map), { delivery, ...(origin === undefined ? {} : { origin }) });
    this.#process();
    const generation = this.#engine.replaceMap(compiled.image);
    this.#outlet.use(compiled);
    this.#intake.fit(compiled, this.#reserved);
    return generation;
  }

  /**
   * Copies a frame of at most 262,144 bytes into the engine, and processes the batch when it is full. Gives the packet's number,
   * from 1. A packet with more than 65,728 bytes inside finds no slot to wait in: `queue-full`. Throws `USAGE` when the frame is longer.
   */
  write(frame: Uint8Array, about: AboutFrame = {}): number {
    this.#check();
    this.#intake.place(frame.length).set(frame);
    return this.#intake.commit(undefined, about);
  }

  /**
   * A place for a frame of up to `length` bytes, to be written into and then announced by `commit`; nothing is copied. It is good
   * until the next call of anything but `commit`. Throws `USAGE` for more than 262,144 bytes.
   */
  slot(length: number): Uint8Array {
    this.#check();
    return this.#intake.place(length);
  }

  /**
   * Announces the frame in the place that `slot` gave, of which it takes the first `length` bytes (all when absent). Gives the
   * packet's number, from 1. Throws `USAGE` without a place, or when it is shorter.
   */
  commit(about: AboutFrame & { readonly length?: number } = {}): number {
    this.#check();
    return this.#intake.commit(about.length, about);
  }

  /** Processes what was written so far. */
  flush(): void {
    this.#check();
    this.#process();
  }

  /** The end of input: processes what was written, and gives up fragments whose datagram is not whole (`fragment-timeout`). */
  finish(): void {
    this.flush();
    this.#engine.flush();
    const told: [number, number][] = [];
    if (this.#options.onVerdict !== undefined) this.#collect(0, 0, told);
    this.#tell(told);
  }

  /**
   * What came out for the sniffers so far: of each sniffer in order, sniffers in turns. Whoever stops early goes on with the next
   * one later. A packet that was split into IP fragments for its sniffer is several deliveries.
   */
  deliveries(): Generator<Delivery, void, undefined> {
    this.#check();
    return this.#give();
  }

  /**
   * Takes `frames` out of their tunnels, to the last one: writes them, gives the deliveries of each batch, and calls `finish` at
   * the end. Throws what `frames` throws, after the deliveries of what came before.
   */
  async *decapsulate(frames: Frames<FrameIn>): AsyncGenerator<Delivery, void, undefined> {
    let failure: { readonly cause: unknown } | undefined;
    try {
      for await (const frame of frames) {
        this.write(frame.data, frame);
        if (this.#engine.batch.count === 0) yield* this.deliveries();
      }
    } catch (cause) {
      failure = { cause };
    }
    if (!this.#engine.isDisposed) {
      this.finish();
      yield* this.deliveries();
    }
    if (failure !== undefined) throw failure.cause;
  }

  /** Packets by verdict, and what is counted beside, since the beginning; those in the batch not yet. */
  counters(): Counters {
    return this.#engine.counters();
  }

  /** What became of each sniffer's packets, by its name; of sniffers that were removed too. */
  accounts(): ReadonlyMap<string, SnifferAccounts> {
    this.#check();
    return this.#engine.queues.accounts();
  }

  /** Mirror sessions, with what was lost of each on the way here. */
  get sessions(): SessionTable {
    this.#check();
    return this.#engine.sessions;
  }

  /** Ends it: every later call throws `DISPOSED`. Its memory goes when nobody holds it, or a frame of it, any more. */
  dispose(): void {
    this.#engine.dispose();
  }

  /** `using decapsulator = await Decapsulator.create()` disposes of it at the end of the block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #process(): void {
    const { batch } = this.#engine;
    const told: [number, number][] = [];
    for (let from = 0; from < batch.count; ) {
      const to = this.#engine.process(from);
      if (this.#options.onVerdict !== undefined) this.#collect(from, to, told);
      from = to;
    }
    batch.clear();
    this.#intake.begin();
    this.#tell(told);
  }

  #collect(from: number, to: number, told: [number, number][]): void {
    const { batch } = this.#engine;
    for (const { packet, verdict } of this.#engine.settled()) told.push([packet, verdict]);
    for (let i = from; i < to; i++) {
      const verdict = batch.verdict(i);
      if (verdict !== HELD) told.push([batch.packet(i), verdict]);
    }
  }

  /** Last, when the batch is empty again: what is called may throw, or write. */
  #tell(told: readonly [number, number][]): void {
    for (const [packet, verdict] of told) this.#options.onVerdict?.(packet, VERDICTS[verdict]!);
  }

  *#give(): Generator<Delivery, void, undefined> {
    for (let delivery = this.#outlet.next(); delivery !== undefined; delivery = this.#outlet.next()) {
      yield delivery;
      this.#check();
    }
  }

  #check(): void {
    if (this.#engine.isDisposed)
      throw new SpangateError("DISPOSED", "This decapsulator was disposed of; create another.");
  }
}
