// Explains one frame after another: each goes through an engine by itself, as a trace is of one packet.

import { CLAIM, ENDPOINTS, HELD, PORTS } from "../../assembly/memory/layout.js";
import type { FrameBatch } from "../capture/index.js";
import type { GatewayConfig } from "../config/schema.js";
import { type Engine, type EngineOptions, VERDICTS } from "../engine/index.js";
import type { CompiledMap } from "../mapping/index.js";
import { DeliveryReader } from "./delivery.js";
import { fragmentOffset } from "./faults.js";
import { HeldFragments } from "./held.js";
import { Lines } from "./lines.js";
import { readPassage } from "./passage.js";
import { Reasons } from "./reason.js";
import { type PacketRecord, readRecord } from "./record.js";
import type { Decision } from "./rule.js";

/** What is told. */
export interface Explained {
  /** Whose packets are whose; without it nothing is said of tenants. */
  readonly map?: CompiledMap;
  /** What `map` was compiled from, with `delivery: "configured"`: then it is told what each sniffer gets. */
  readonly config?: GatewayConfig;
  /** Only this packet, from 1. Those before it are processed all the same: sessions and fragments need them. */
  readonly packet?: number;
  /** Lines that may wait for a fragment's fate (65,536). */
  readonly window?: number;
}

/** Frames read between two looks at what is ready. */
const ROOM = 64;

/** Takes frames and processes each at once. Its engine traces, and is lent nothing. */
export class Explainer implements FrameBatch {
  readonly lines: Lines;
  readonly #engine: Engine;
  readonly #map: CompiledMap | undefined;
  readonly #config: GatewayConfig | undefined;
  readonly #delivery: DeliveryReader | undefined;
  readonly #only: number | undefined;
  readonly #render: (record: PacketRecord) => string;
  readonly #reasons: Reasons;
  readonly #held = new HeldFragments();
  #frame = new Uint8Array(65_536);
  /** The packet that was asked for has been told of. */
  done = false;

  constructor(
    engine: Engine,
    options: EngineOptions,
    request: Explained,
    render: (record: PacketRecord) => string,
  ) {
    this.#engine = engine;
    const { map, config } = request;
    this.#map = map;
    this.#config = config;
    if (map !== undefined && config !== undefined) this.#delivery = new DeliveryReader(engine, map, config);
    this.#only = request.packet;
    this.#render = render;
    this.#reasons = new Reasons(options, engine.memory.u8.slice(PORTS, PORTS + 65_536));
    this.lines = new Lines(request.window);
    if (map !== undefined) engine.replaceMap(map.image);
  }

  get room(): number {
    return this.done ? 0 : this.#only === undefined ? ROOM : 1;
  }

  push(
    address: number,
    captured: number,
    original: number,
    timeHigh: number,
    timeLow: number,
    linkType: number,
  ): void {
    const engine = this.#engine;
    const { batch } = engine;
    const frame = this.#copy(address, captured);
    batch.clear();
    batch.push(address, captured, original, timeHigh, timeLow, linkType);
    engine.process();
    const delivery = this.#delivery?.read(this.#isWanted(batch.packets));
    const settled = [...engine.settled()];
    const passage = readPassage(engine, frame, (last, at, length) => {
      const own = { start: last.at + last.length, offset: fragmentOffset(last) };
      return this.#held.datagram(engine, settled, [at, length], frame, own);
    });
    const packet = batch.packets;
    for (const { packet: earlier, verdict } of settled) this.#settle(earlier, verdict, packet);

    const verdict = batch.verdict(0);
    if (this.#only !== undefined && packet !== this.#only && verdict !== HELD) return;
    const record = readRecord(engine, passage, original, this.#map, delivery);
    if (verdict === HELD) {
      this.#held.hold(record, passage);
      if (this.#isWanted(packet)) this.lines.add(packet);
      return;
    }
    record.verdict = VERDICTS[verdict]!;
    record.reason = this.#reasons.of(
      record,
      passage,
      this.#decision(),
      settled.some((event) => event.verdict === verdict),
    );
    this.lines.add(packet, this.#render(record));
    if (packet === this.#only) this.done = true;
  }

  /** The end of the file: what is held will never be complete. */
  finish(): void {
    if (this.done) return;
    this.#engine.flush();
    for (const { packet, verdict } of this.#engine.settled()) this.#settle(packet, verdict, undefined);
  }

  #isWanted(packet: number): boolean {
    return this.#only === undefined || packet === this.#only;
  }

  #settle(packet: number, verdict: number, by: number | undefined): void {
    const record = this.#held.take(packet);
    if (record === undefined || !this.#isWanted(packet)) return;
    record.verdict = VERDICTS[verdict]!;
    record.reason = this.#reasons.settled(record.verdict, by);
    this.lines.settle(packet, this.#render(record));
    if (packet === this.#only) this.done = true;
  }

  #decision(): Decision | undefined {
    if (this.#map === undefined) return undefined;
    const { batch } = this.#engine;
    const claim = this.#map.claims.at(batch.word(0, CLAIM) | 0);
    const rate = this.#config?.tenants[batch.tenant(0)]?.rate;
    return { map: this.#map, endpoint: batch.byte(0, ENDPOINTS), claim, rate };
  }

  /** The frame as it came: the engine changes frames in place. */
  #copy(address: number, captured: number): Uint8Array {
    if (captured > this.#frame.length) this.#frame = new Uint8Array(captured);
    this.#frame.set(this.#engine.memory.u8.subarray(address, address + captured));
    return this.#frame.subarray(0, captured);
  }
}
