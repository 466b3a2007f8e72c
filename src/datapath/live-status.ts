// The accounts of a live gateway.

import {
  type Counters,
  type Engine,
  type Session,
  type SessionTable,
  type SnifferAccounts,
  type UpstreamLoss,
  worstSessions,
} from "../engine/index.js";
import type { KernelLosses } from "../telemetry/losses.js";

/** Everything but mirror sessions, of which there may be a million. */
export interface LiveReadings {
  /** Since the start. */
  readonly seconds: number;
  /** What is not as it could be, each in one line. */
  readonly notes: readonly string[];
  /** How packets come in and go out. */
  readonly receive: string;
  readonly send: string;
  /** Of all workers. */
  readonly counters: Counters;
  /** Of each. */
  readonly workers: readonly Counters[];
  /** Lost before the engine saw it. */
  readonly kernel: KernelLosses;
  readonly sniffers: ReadonlyMap<string, SnifferAccounts>;
  /** Unmapped packets that were kept (`sent`) or not, with a `quarantine`. They are `unmapped` all the same. */
  readonly quarantine?: SnifferAccounts;
  /** How many maps were put in force by configuration, and by which of them each worker has processed its last batch. */
  readonly map: { readonly generation: number; readonly workers: readonly number[] };
  /** Whose sniffers they are, by the tenant's name. */
  readonly tenants: ReadonlyMap<string, readonly string[]>;
  /** Packets that may wait for a sniffer in all workers together, by its name. */
  readonly queues: ReadonlyMap<string, number>;
}

export interface LiveStatus extends LiveReadings {
  /** Those that have lost most first, and no more than were asked for. */
  readonly sessions: readonly Session[];
  /** How many there are. */
  readonly sessionCount: number;
  /** What all of them lost on the way here. */
  readonly upstream: UpstreamLoss;
}

export interface StatusSources {
  readonly engine: Engine;
  readonly kernel: KernelLosses;
  readonly receive: string;
  readonly send: string;
  readonly seconds: number;
  readonly notes: readonly string[];
  readonly map: LiveReadings["map"];
  readonly tenants: ReadonlyMap<string, readonly string[]>;
}

/** As it is now: of a worker at work the numbers are some packets apart from one another. */
export function readNow({ engine, ...rest }: StatusSources): LiveReadings {
  const workers = engine.workers.map((worker) => worker.counters());
  const sniffers = engine.queues.accounts();
  const { quarantine } = engine.queues;
  return {
    ...rest,
    counters: workers.reduce(add),
    workers,
    sniffers,
    ...(quarantine && { quarantine }),
    queues: queueLimits(engine, sniffers.keys()),
  };
}

/** Tables of mirror sessions, a worker's each. */
export function sessionTables({ workers }: Engine): readonly SessionTable[] {
  return workers.map((worker) => worker.sessions);
}

/** As it is now, with so many `sessions` at the most. */
export function readStatus(sources: StatusSources, sessions: number): LiveStatus {
  const { count, upstream, ...worst } = worstSessions(sessionTables(sources.engine), sessions);
  return { ...readNow(sources), ...worst, sessionCount: count, upstream };
}

function queueLimits({ queues, workers }: Engine, sniffers: Iterable<string>): Map<string, number> {
  const limits = new Map<string, number>();
  for (const name of sniffers) {
    const limit = queues.limitOf(name);
    if (limit !== undefined) limits.set(name, limit * workers.length);
  }
  return limits;
}

function add(a: Counters, b: Counters): Counters {
  const names = Object.keys(a) as (keyof Counters)[];
  return Object.fromEntries(names.map((name) => [name, a[name] + b[name]])) as Counters;
}
