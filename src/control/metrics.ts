// GET /metrics: the accounts as Prometheus reads them. Everything is read once for each look and in pieces, between which the main thread
// does its other work; who asks meanwhile gets the same.

import { setImmediate } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import { collectDefaultMetrics, Registry } from "prom-client";
import { METRICS_SERIES } from "../config/defaults.js";
import { UpstreamScan } from "../engine/index.js";
import type { Controlled } from "./api.js";
import { GatewayMetrics, gatewaySeries, WORST_SESSIONS } from "./gateway-metrics.js";
import { Family } from "./metric-family.js";
import { Snapshots } from "./snapshots.js";
import { SERIES, SnifferMetrics } from "./sniffer-metrics.js";

/** Series that are kept for prom-client's own metrics of the process. */
const OF_PROCESS = 200;
/** Entries of session tables that are looked at at once: about a millisecond. */
const AT_ONCE = 8192;
/**
 * Milliseconds between two looks of prom-client at the event loop: with its usual 10 the main thread would wake a hundred times a second
 * beside the workers.
 */
const LOOK = 100;

export interface MetricsOptions {
  readonly series: number;
  /** Something else as soon as what was read before says nothing of now. */
  readonly era: () => string;
}

export function metricsRoute(
  api: FastifyInstance,
  gateway: Controlled,
  { series, era }: MetricsOptions,
): void {
  const metrics = new Metrics(gateway, series);
  const pages = new Snapshots<Promise<string>>();
  api.get("/metrics", async (_, reply) =>
    reply.type(metrics.contentType).send(await pages.of(era(), () => metrics.read())),
  );
}

/** @param series there are at the most; past it sniffers are told of together */
export class Metrics {
  readonly #gateway: Controlled;
  readonly #series: number;
  readonly #registry = new Registry();
  readonly #whole: GatewayMetrics;
  #sniffers: SnifferMetrics | undefined;
  #isBegun = false;
  #reading: Promise<string> | undefined;

  constructor(gateway: Controlled, series: number = METRICS_SERIES) {
    this.#gateway = gateway;
    this.#series = series;
    this.#whole = new GatewayMetrics(this.#registry);
    new Family(
      this.#registry,
      "gauge",
      "spangate_metrics_series_limit",
      "Series that this page has at the most.",
    ).set(series);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  read(): Promise<string> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<string> {
    this.#begin();
    const { state } = this.#gateway;
    this.#whole.setReady(state === "running");
    // A gateway that starts has no accounts, and is told of all the same.
    if (state !== "starting") await this.#readAccounts();
    const texts: string[] = [];
    for (const { name } of this.#registry.getMetricsAsArray() as unknown as readonly { name: string }[]) {
      texts.push(await this.#registry.getSingleMetricAsString(name));
      await setImmediate();
    }
    return `${texts.join("\n")}\n`;
  }

  /** Who never looks pays nothing for metrics of the process. */
  #begin(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: LOOK });
  }

  async #readAccounts(): Promise<void> {
    const readings = this.#gateway.readings();
    await setImmediate();
    this.#sniffers ??= new SnifferMetrics(this.#registry, this.#mostSniffers(readings.workers.length));
    this.#whole.set(readings);
    this.#sniffers.set(readings);
    const scan = new UpstreamScan(this.#gateway.sessionTables, WORST_SESSIONS);
    while (scan.step(AT_ONCE)) await setImmediate();
    this.#whole.setUpstream(scan);
  }

  /** Beside the others, which are one more. */
  #mostSniffers(workers: number): number {
    const left = this.#series - OF_PROCESS - gatewaySeries(workers);
    return Math.max(0, Math.floor(left / SERIES) - 1);
  }
}
