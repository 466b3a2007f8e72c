// Packets of one tenant as they come, a few a second: workers sample them, an engine of its own explains them, and everybody who looks is
// told of in the log. One looks at a time.

import { setTimeout } from "node:timers/promises";
import type { LiveGateway, MapInForce } from "../datapath/live.js";
import type { Sample } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import type { Log } from "../telemetry/events.js";

/** What is told of a packet, as far as is asked here. */
export interface ExplainedPacket {
  readonly packet: number;
  readonly tenant: string | undefined;
}

/** Explains samples against one map. */
export interface SampleExplainer {
  /** Undefined when it cannot, or finds another fate than the worker. */
  explain(sample: Sample): ExplainedPacket | undefined;
  dispose(): void;
}

export interface TailsParts {
  readonly gateway: Pick<LiveGateway, "samples" | "mapInForce">;
  readonly explainerFor: (map: MapInForce) => Promise<SampleExplainer>;
  readonly log: Log;
}

export interface TailRequest {
  readonly tenant: string;
  /** Packets a second. */
  readonly rate: number;
  /** Packets after which it ends; never when absent. */
  readonly count?: number | undefined;
  /** Who looks: what the log is to say of it. */
  readonly who: Readonly<Record<string, unknown>>;
}

/** How often packets are taken, in milliseconds. */
const TICK = 100;

export class Tails {
  readonly #parts: TailsParts;
  #present: Tail | undefined;

  constructor(parts: TailsParts) {
    this.#parts = parts;
  }

  /** @throws SpangateError TAIL_BUSY, NOT_FOUND, MEMORY_EXHAUSTED, MAP_TOO_LARGE */
  async begin(request: TailRequest): Promise<Tail> {
    if (this.#present !== undefined) {
      const { tenant } = this.#present;
      throw new SpangateError("TAIL_BUSY", `Somebody looks at packets of ${tenant} already: one at a time.`, {
        details: { tenant },
      });
    }
    const tail = new Tail(this.#parts, request, () => {
      this.#present = undefined;
    });
    this.#present = tail;
    try {
      await tail.watch();
    } catch (error) {
      tail.close();
      throw error;
    }
    return tail;
  }

  /** The gateway ends. */
  close(): void {
    this.#present?.close();
  }
}

export class Tail {
  readonly tenant: string;
  readonly #parts: TailsParts;
  readonly #request: TailRequest;
  readonly #closed: () => void;
  readonly #ended = new AbortController();
  readonly #began = performance.now();
  #explainer: SampleExplainer | undefined;
  #generation = 0;
  #index = -1;
  #packets = 0;
  #isLogged = false;

  constructor(parts: TailsParts, request: TailRequest, closed: () => void) {
    this.#parts = parts;
    this.#request = request;
    this.#closed = closed;
    this.tenant = request.tenant;
  }

  /** Has workers sample its tenant by the map that is in force now. @throws SpangateError NOT_FOUND and what the explainer throws */
  async watch(): Promise<void> {
    const { samples } = this.#parts.gateway;
    for (;;) {
      const map = this.#parts.gateway.mapInForce;
      // Closed meanwhile, workers may be another's.
      if (map.number === this.#generation || this.#ended.signal.aborted) return;
      samples.stop();
      this.#explainer?.dispose();
      this.#explainer = undefined;
      this.#index = map.config.tenants.findIndex(({ name }) => name === this.tenant);
      if (this.#index < 0) throw noTenant(this.tenant);
      const explainer = await this.#parts.explainerFor(map);
      if (this.#ended.signal.aborted) {
        explainer.dispose();
        return;
      }
      this.#explainer = explainer;
      this.#generation = map.number;
      samples.watch(map.number, this.#index);
    }
  }

  /** Packets, until somebody ends it, the count is reached, or the tenant is removed. @throws SpangateError as `watch` */
  async *packets(): AsyncGenerator<ExplainedPacket> {
    const { rate, count = Number.POSITIVE_INFINITY } = this.#request;
    const { samples } = this.#parts.gateway;
    const { signal } = this.#ended;
    if (signal.aborted) return;
    this.#log("TAIL_BEGUN", "looks at packets", { rate });
    const each = (rate * TICK) / 1000;
    let due = 1;
    while (!signal.aborted) {
      samples.allow(Math.ceil(each));
      await setTimeout(TICK, undefined, { signal }).catch(() => {});
      // A look that was kept waiting does not catch up.
      due = Math.min(due + each, each + 1);
      await this.watch();
      // What there is by now may be another's.
      if (signal.aborted) return;
      for (const sample of samples.take()) {
        if (due < 1) break;
        const explained = this.#explain(sample);
        if (explained === undefined) continue;
        due--;
        yield { ...explained, packet: ++this.#packets };
        if (signal.aborted || this.#packets >= count) return;
      }
    }
  }

  /** What is not surely this tenant's is not shown. */
  #explain(sample: Sample): ExplainedPacket | undefined {
    if (sample.generation !== this.#generation || sample.tenant !== this.#index) return undefined;
    const explained = this.#explainer?.explain(sample);
    return explained?.tenant === this.tenant ? explained : undefined;
  }

  close(): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#parts.gateway.samples.stop();
    this.#explainer?.dispose();
    this.#closed();
    if (!this.#isLogged) return;
    const seconds = Number(((performance.now() - this.#began) / 1000).toFixed(1));
    this.#log("TAIL_ENDED", "has looked at packets", { seconds, packets: this.#packets });
  }

  #log(code: "TAIL_BEGUN" | "TAIL_ENDED", does: string, fields: Readonly<Record<string, unknown>>): void {
    this.#isLogged = true;
    const { tenant } = this;
    const { who } = this.#request;
    const words = (about: object) => Object.entries(about).map(([name, value]) => `${name} ${value}`);
    const message = `${words(who).join(", ")} ${does} of ${tenant} (${words(fields).join(", ")})`;
    this.#parts.log(code, message, { tenant, ...who, ...fields });
  }
}

function noTenant(tenant: string): SpangateError {
  return new SpangateError("NOT_FOUND", `The tenant map in force has no tenant ${JSON.stringify(tenant)}.`, {
    details: { tenant },
  });
}
