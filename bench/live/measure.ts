// The questions that are put to each contender: how much at most, how much without loss, at what cost, how late.

import { median } from "../table.js";
import { othersNow } from "./cpu.js";
import type { Link, Run } from "./link.js";
import type { Latency } from "./programs.js";

export interface Plan {
  /** Of one run at saturation, of a step of the search, and of one for the cost. */
  readonly seconds: number;
  readonly searchSeconds: number;
  readonly costSeconds: number;
  /** Runs whose median counts. */
  readonly runs: number;
  /** How often a run in which the machine belonged to somebody else is repeated. */
  readonly repeats: number;
  /** Of the cost: packets a second; without it this share of its own highest rate without loss. */
  readonly costRate?: number;
}

export const FULL: Plan = { seconds: 5, searchSeconds: 3, costSeconds: 30, runs: 7, repeats: 3 };
export const QUICK: Plan = { seconds: 2, searchSeconds: 1, costSeconds: 3, runs: 3, repeats: 0 };

/** Of its highest rate without loss. */
const COST_SHARE = 0.7;
const LATENCY_SHARE = 0.5;
/** The search ends when what is left is less than this share of the rate. */
const PRECISION = 0.03;
const SEARCH_STEPS = 9;

export interface Measured {
  /** Packets a second at saturation: medians. */
  readonly offered: number;
  readonly delivered: number;
  /** The highest rate, as it was sent, of which every packet arrived; 0: there is none. */
  readonly lossless: number;
  readonly costRate: number;
  /** Nanoseconds of processors for a delivered packet beyond what the sender costs. */
  readonly cost: number;
  /** Share of packets lost while the cost was measured. */
  readonly costLoss: number;
  readonly latency: Latency | undefined;
  readonly latencyRate: number;
  /** Bytes in memory at the end. */
  readonly resident: number | undefined;
  /** Its own figures at saturation. */
  readonly own: Readonly<Record<string, number>>;
  /** Share of the time that the host took away, and that processes of others took: the highest of any run that counts. */
  readonly stolen: number;
  readonly others: number;
}

/** Shares of the time. */
const STOLEN_MOST = 0.005;
const OTHERS_MOST = 0.02;

export function isDisturbed({ seconds, stolen, others }: Run): boolean {
  return stolen / seconds > STOLEN_MOST || others / seconds > OTHERS_MOST;
}

/** Runs again while somebody else disturbs; the least disturbed counts. */
async function undisturbed({ repeats }: Plan, run: () => Promise<Run>): Promise<Run> {
  let best = await run();
  for (let turn = 0; turn < repeats && isDisturbed(best); turn++) {
    await quiet(20);
    const again = await run();
    if (again.others + again.stolen < best.others + best.stolen) best = again;
  }
  return best;
}

/** Waits until nobody else works, at most so many seconds. */
export async function quiet(seconds: number): Promise<boolean> {
  for (let second = 0; second < seconds; second++) if ((await othersNow()) < 0.05) return true;
  return false;
}

export async function measure(link: Link, plan: Plan): Promise<Measured> {
  await link.run({ seconds: 1, rate: 100_000 }); // to be warm
  const saturated = await repeat(plan.runs, () =>
    undisturbed(plan, () => link.run({ seconds: plan.seconds })),
  );
  const delivered = median(saturated.map((run) => run.delivered));
  const lossless = await highestWithoutLoss(link, delivered, plan);
  const costRate = plan.costRate ?? COST_SHARE * (lossless || delivered);
  const { cost, runs, loss } = await costOf(link, costRate, plan);
  const latencyRate = LATENCY_SHARE * (lossless || delivered);
  const stamped = { seconds: plan.seconds, rate: latencyRate, stamp: true };
  const late = await undisturbed(plan, () => link.run(stamped));
  const all = [...saturated, ...runs, late];
  return {
    offered: median(saturated.map((run) => run.offered)),
    delivered,
    lossless,
    costRate,
    cost,
    costLoss: loss,
    latency: late.latency,
    latencyRate,
    resident: link.resident,
    own: saturated[saturated.length - 1]!.own,
    stolen: Math.max(...all.map((run) => run.stolen / run.seconds)),
    others: Math.max(...all.map((run) => run.others / run.seconds)),
  };
}

async function repeat<T>(times: number, once: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let i = 0; i < times; i++) results.push(await once());
  return results;
}

/**
 * By bisection below what was delivered at saturation, which is hardly ever less than what goes without loss. Whoever works where
 * the sender does holds it back instead of losing: then it is what the sender came to.
 */
async function highestWithoutLoss(link: Link, delivered: number, plan: Plan): Promise<number> {
  let [low, high, best] = [0, delivered * 1.15, 0];
  for (let step = 0; step < SEARCH_STEPS && high - low > PRECISION * high; step++) {
    const rate = (low + high) / 2;
    const run = await losesNothing(link, rate, plan);
    if (run === undefined) {
      high = rate;
    } else {
      best = Math.max(best, run.offered);
      low = rate;
    }
  }
  return best;
}

/** A loss must be seen twice: one may be somebody else's doing. */
async function losesNothing(link: Link, rate: number, plan: Plan): Promise<Run | undefined> {
  for (let turn = 0; turn < 2; turn++) {
    const run = await undisturbed(plan, () => link.run({ seconds: plan.searchSeconds, rate }));
    if (run.arrived === run.sent) return run;
  }
  return undefined;
}

/** With and without it in turn, at the same rate. */
async function costOf(
  link: Link,
  rate: number,
  plan: Plan,
): Promise<{ cost: number; loss: number; runs: Run[] }> {
  const load = { seconds: plan.costSeconds, rate };
  const runs: Run[] = [];
  const costs: number[] = [];
  for (let i = 0; i < plan.runs; i++) {
    const without = await undisturbed(plan, () => link.senderOnly(load));
    const run = await undisturbed(plan, () => link.run(load));
    // Neither sent exactly what was asked for.
    const senders = (without.work / without.sent) * run.sent;
    costs.push(((run.work - senders) / Math.max(1, run.arrived)) * 1e9);
    runs.push(run);
  }
  const loss = median(runs.map((run) => 1 - run.arrived / run.sent));
  return { cost: median(costs), loss, runs };
}
