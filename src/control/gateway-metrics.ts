// The metrics of a gateway as a whole: its packets by worker and reason, what the kernel and the network in front lost, its map.

import type { Registry } from "prom-client";
import type { LiveReadings } from "../datapath/live.js";
import { ABI_VERSION, type CounterName, type UpstreamScan, VERDICTS } from "../engine/index.js";
import { VERSION } from "../version.js";
import { Family, type Value } from "./metric-family.js";

/** Verdicts that are no drop have metrics of their own. */
const REASONS = VERDICTS.filter((verdict) => verdict !== "delivered" && verdict !== "reassembled");
/** Counted beside the verdict. */
const ASIDE: readonly CounterName[] = [
  "fragment-duplicates",
  "checksum-unverifiable",
  "critical-options",
  "unknown-granularity",
  "untracked",
];
/** Mirror sessions that have series of their own, those that lost most. */
export const WORST_SESSIONS = 20;

/** Series that these metrics have at the most. */
export function gatewaySeries(workers: number): number {
  return 20 + workers * (REASONS.length + ASIDE.length + 5) + 2 * WORST_SESSIONS;
}

export class GatewayMetrics {
  readonly #ready: Family;
  readonly #uptime: Family;
  readonly #workers: Family;
  readonly #generation: Family;
  readonly #generations: Family;
  readonly #received: Family;
  readonly #delivered: Family;
  readonly #reassembled: Family;
  readonly #held: Family;
  readonly #dropped: Family;
  readonly #aside: Family;
  readonly #kernel: Family;
  readonly #lost: Family;
  readonly #expected: Family;
  readonly #reordered: Family;
  readonly #duplicates: Family;
  readonly #restarts: Family;
  readonly #sessions: Family;
  readonly #sessionLost: Family;
  readonly #sessionExpected: Family;
  #mostExpected = 0;

  constructor(registry: Registry) {
    const gauge = (name: string, help: string) => new Family(registry, "gauge", `spangate_${name}`, help);
    const counter = (name: string, help: string) =>
      new Family(registry, "counter", `spangate_${name}_total`, help);
    const build = gauge("build_info", "1; the version of Spangate, of its engine's ABI and of Node.");
    build.values = [
      { value: 1, labels: { version: VERSION, abi: String(ABI_VERSION), node: process.version } },
    ];
    this.#ready = gauge("ready", "1 while packets are taken in, 0 while the gateway starts or drains.");
    this.#uptime = gauge("uptime_seconds", "Since the gateway was ready.");
    this.#workers = gauge("workers", "Data-path workers.");
    this.#generation = gauge("map_generation", "Number of the tenant map in force, from 1.");
    this.#generations = gauge("worker_map_generation", "Number of the tenant map that a worker has seen.");
    this.#received = counter("received_packets", "Packets that a worker has received.");
    this.#delivered = counter("delivered_packets", "Packets that at least one sniffer's queue took.");
    this.#reassembled = counter("reassembled_packets", "Fragments whose datagram another one completed.");
    this.#held = gauge("held_packets", "Fragments that wait for others now.");
    this.#dropped = counter("dropped_packets", "Packets that nobody got, by the verdict that says why.");
    this.#aside = counter(
      "aside_packets",
      "Packets that are counted for another reason beside their verdict.",
    );
    this.#kernel = counter("kernel_lost_packets", "Packets that the kernel lost before a worker saw them.");
    this.#lost = gauge(
      "upstream_lost_packets",
      "Packets that were mirrored and have not come, by GRE sequence numbers, so far: one that comes late makes it less.",
    );
    this.#expected = counter(
      "upstream_expected_packets",
      "Packets with GRE sequence numbers that would have come had none been lost.",
    );
    this.#reordered = counter("upstream_reordered_packets", "Packets that came behind a later one.");
    this.#duplicates = counter("upstream_duplicate_packets", "Packets that came again.");
    this.#restarts = counter("upstream_restarts", "Times that a session's sequence numbers began anew.");
    this.#sessions = gauge("sessions", "Mirror sessions that are tracked, each worker's counted by itself.");
    this.#sessionLost = gauge(
      "session_lost_packets",
      `As spangate_upstream_lost_packets, of the ${WORST_SESSIONS} mirror sessions that lost most.`,
    );
    this.#sessionExpected = gauge(
      "session_expected_packets",
      "As spangate_upstream_expected_packets_total, of the same sessions.",
    );
  }

  setReady(isReady: boolean): void {
    this.#ready.set(isReady ? 1 : 0);
  }

  set({ seconds, workers, kernel, map }: LiveReadings): void {
    this.#uptime.set(seconds);
    this.#workers.set(workers.length);
    this.#generation.set(map.generation);
    this.#generations.values = map.workers.map((value, worker) => ({ value, labels: { worker } }));
    const perWorker = (name: keyof (typeof workers)[number]): Value[] =>
      workers.map((counters, worker) => ({ value: counters[name], labels: { worker } }));
    this.#received.values = perWorker("received");
    this.#delivered.values = perWorker("delivered");
    this.#reassembled.values = perWorker("reassembled");
    this.#held.values = perWorker("held");
    this.#dropped.values = workers.flatMap((counters, worker) =>
      REASONS.map((reason) => ({ value: counters[reason], labels: { worker, reason } })),
    );
    this.#aside.values = workers.flatMap((counters, worker) =>
      ASIDE.map((reason) => ({ value: counters[reason], labels: { worker, reason } })),
    );
    this.#kernel.values = [
      { value: kernel.dropped, labels: { reason: "dropped" } },
      { value: kernel.ringFull, labels: { reason: "ring-full" } },
      { value: kernel.noFrames, labels: { reason: "no-frames" } },
    ];
  }

  setUpstream({ loss, sessions, worst }: UpstreamScan): void {
    this.#lost.set(loss.lost);
    // Read of sessions that are at work: a counter that goes back by one is taken for one that began anew.
    this.#mostExpected = Math.max(this.#mostExpected, loss.expected);
    this.#expected.set(this.#mostExpected);
    this.#reordered.set(loss.reordered);
    this.#duplicates.set(loss.duplicates);
    this.#restarts.set(loss.restarts);
    this.#sessions.set(sessions);
    const labelled = worst.map(({ encapsulation, source, destination, id, sequence }) => ({
      labels: { encapsulation, source, destination, id: id ?? "" },
      sequence,
    }));
    this.#sessionLost.values = labelled.map(({ labels, sequence }) => ({
      labels,
      value: sequence?.lost ?? 0,
    }));
    this.#sessionExpected.values = labelled.map(({ labels, sequence }) => ({
      labels,
      value: sequence?.expected ?? 0,
    }));
  }
}
