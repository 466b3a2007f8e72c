// Explains packets that a live gateway's workers sampled, against the map that was in force, in an engine of its own. What became of a
// packet the worker says: here no queue is full and nobody is over a rate.

import { LARGE_STRIDE, SAMPLE_MOST, SLOT_STRIDE, SNIFFER_SIZE } from "../../assembly/memory/layout.js";
import type { GatewayConfig } from "../config/schema.js";
import {
  DEFAULT_OPTIONS,
  Engine,
  type EngineOptions,
  type Sample,
  VERDICTS,
  type VerdictName,
} from "../engine/index.js";
import { type CompiledMap, compileMap, type Origin } from "../mapping/index.js";
import { Explainer } from "./explainer.js";
import type { PacketRecord } from "./record.js";
import { VERDICT_SENTENCES } from "./sentences.js";

export interface SampledMap {
  readonly config: GatewayConfig;
  /** Of the delivery interface. */
  readonly origin?: Origin | undefined;
  /** How tunnels are taken off, and slots and queues for one packet after another. */
  readonly engine: Partial<EngineOptions>;
}

/** What depends on the packets before, or on the sniffer. */
const OF_THE_MOMENT: ReadonlySet<VerdictName> = new Set(["rate", "queue-full", "send-error"]);
/** Bytes of an engine without a map. Pages that nobody touches cost nothing. */
const MEMORY = 256 * 2 ** 20;
/** Nothing is asked of sessions. */
const SESSIONS = 1024;
const REASSEMBLY = 2 ** 20;

export class SampleExplainer {
  readonly #engine: Engine;
  readonly #explainer: Explainer;
  readonly #area: number;
  #record: PacketRecord | undefined;

  private constructor(engine: Engine, options: EngineOptions, map: CompiledMap, config: GatewayConfig) {
    this.#engine = engine;
    this.#area = engine.allocate(SAMPLE_MOST).address;
    this.#explainer = new Explainer(engine, options, { map, config }, (record) => {
      this.#record = record;
      return "";
    });
  }

  /** @throws SpangateError MEMORY_EXHAUSTED, MAP_TOO_LARGE */
  static async create({ config, origin, engine: own }: SampledMap): Promise<SampleExplainer> {
    const map = compileMap(withoutRates(config), { delivery: "configured", ...(origin && { origin }) });
    const options = { ...DEFAULT_OPTIONS, ...own, sessions: SESSIONS, trace: true, lent: false };
    const { decode } = options;
    // No fragment comes here.
    const reassembly = { ...decode.reassembly, memory: Math.min(decode.reassembly.memory, REASSEMBLY) };
    // The build that the gateway runs: the other one's file may not be readable for its user.
    const memory = memoryFor(map, options);
    const engine = await Engine.create({ ...options, decode: { ...decode, reassembly }, memory }, "shared");
    return new SampleExplainer(engine, options, map, config);
  }

  /** Undefined when the engine does not find the packet to be what the worker did. */
  explain({ frame, original, time, linkType, verdict }: Sample): PacketRecord | undefined {
    this.#record = undefined;
    this.#engine.memory.u8.set(frame, this.#area);
    const [high, low] = [Number(time >> 32n), Number(time & 0xffff_ffffn)];
    this.#explainer.push(this.#area, frame.length, original, high, low, linkType);
    this.#explainer.lines.take();
    const record = this.#record as PacketRecord | undefined;
    const became = VERDICTS[verdict]!;
    if (record === undefined || record.verdict === became) return record;
    if (record.verdict !== "delivered" || !OF_THE_MOMENT.has(became)) return undefined;
    const reason = `${VERDICT_SENTENCES[became]}; otherwise ${record.reason}`;
    return { ...record, verdict: became, reason, sniffers: undefined, deliveries: undefined };
  }

  dispose(): void {
    this.#engine.dispose();
  }
}

/** A few packets a second are under every rate, and say nothing of the rest. */
function withoutRates(config: GatewayConfig): GatewayConfig {
  return {
    ...config,
    tenants: config.tenants.map((tenant) => ({ ...tenant, rate: undefined })),
    sniffers: config.sniffers.map((sniffer) => ({ ...sniffer, rate: undefined })),
  };
}

function memoryFor({ image }: CompiledMap, { slots, largeSlots, queues }: EngineOptions): number {
  const { slots: keys, tenants, sniffers, balance } = image;
  const map = keys.length + tenants.length + sniffers.length + balance.byteLength + queues * SNIFFER_SIZE;
  return Math.min(
    2 ** 32,
    MEMORY + 8 * map + 2 * slots * SLOT_STRIDE + 2 * largeSlots * LARGE_STRIDE + queues * 4096,
  );
}
