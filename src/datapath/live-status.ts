// The accounts of a live gateway.

import {
  type Counters,
  type Engine,
  type Session,
  type SnifferAccounts,
  worstSessions,
} from "../engine/index.js";
import type { KernelLosses } from "../telemetry/losses.js";

export interface LiveStatus {
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
  /** Those that have lost most first, and no more than were asked for. */
  readonly sessions: readonly Session[];
  /** How many there are. */
  readonly sessionCount: number;
}

export interface StatusSources {
  readonly engine: Engine;
  readonly kernel: KernelLosses;
  readonly receive: string;
  readonly send: string;
  readonly seconds: number;
  readonly notes: readonly string[];
}

/** As it is now, with so many `sessions` at the most: of a worker at work the numbers are some packets apart from one another. */
export function readStatus({ engine, ...rest }: StatusSources, sessions: number): LiveStatus {
  const workers = engine.workers.map((worker) => worker.counters());
  const tables = engine.workers.map((worker) => worker.sessions);
  const worst = worstSessions(tables, sessions);
  return {
    ...rest,
    counters: workers.reduce(add),
    workers,
    sniffers: engine.queues.accounts(),
    sessions: worst.sessions,
    sessionCount: worst.count,
  };
}

function add(a: Counters, b: Counters): Counters {
  const names = Object.keys(a) as (keyof Counters)[];
  return Object.fromEntries(names.map((name) => [name, a[name] + b[name]])) as Counters;
}
