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
  /** Of the cost: packets a second, for all the same; less for whoever loses some of them (COST_SHARE). */
  readonly costRate: number;
}

export const FULL: Plan = {
  seconds: 5,
  searchSeconds: 3,
  costSeconds: 30,
  runs: 7,
  repeats: 3,
  costRate: 300_000,
};
export const QUICK: Plan = {
  seconds: 2,
  searchSeconds: 1,
  costSeconds: 3,
  runs: 3,
  repeats: 0,
  costRate: 300_000,
};

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
  /** Packets that arrived meanwhile. */
  readonly ownPackets: number;
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

/** What is asked of each in turn, so that what else happens on the machine happens to all. */
export async function measure(links: readonly Link[], plan: Plan): Promise<Measured[]> {
  const all = links.map((link) => new Subject(link, plan));
  for (const subject of all) await subject.warm();
  for (let turn = 0; turn < plan.runs; turn++) for (const subject of all) await subject.saturate();
  for (const subject of all) await subject.search();
  for (let turn = 0; turn < plan.runs; turn++) for (const subject of all) await subject.cost();
  for (const subject of all) await subject.delay();
  return all.map((subject) => subject.measured());
}

class Subject {
  readonly #link: Link;
  readonly #plan: Plan;
  readonly #saturated: Run[] = [];
  readonly #costly: Run[] = [];
  readonly #costs: number[] = [];
  #lossless = 0;
  #late: Run | undefined;

  constructor(link: Link, plan: Plan) {
    this.#link = link;
    this.#plan = plan;
  }

  async warm(): Promise<void> {
    await this.#link.run({ seconds: 1, rate: 100_000 });
  }

  async saturate(): Promise<void> {
    const load = { seconds: this.#plan.seconds };
    this.#saturated.push(await undisturbed(this.#plan, () => this.#link.run(load)));
  }

  async search(): Promise<void> {
    this.#lossless = await highestWithoutLoss(this.#link, this.#delivered, this.#plan);
  }

  /** With and without it in turn, at the same rate. */
  async cost(): Promise<void> {
    const load = { seconds: this.#plan.costSeconds, rate: this.#costRate };
    const without = await undisturbed(this.#plan, () => this.#link.senderOnly(load));
    const run = await undisturbed(this.#plan, () => this.#link.run(load));
    // Neither sent exactly what was asked for.
    const senders = (without.work / without.sent) * run.sent;
    this.#costs.push(((run.work - senders) / Math.max(1, run.arrived)) * 1e9);
    this.#costly.push(run);
  }

  async delay(): Promise<void> {
    const load = { seconds: this.#plan.seconds, rate: this.#latencyRate, stamp: true };
    this.#late = await undisturbed(this.#plan, () => this.#link.run(load));
  }

  measured(): Measured {
    const late = this.#late!;
    const all = [...this.#saturated, ...this.#costly, late];
    return {
      offered: median(this.#saturated.map((run) => run.offered)),
      delivered: this.#delivered,
      lossless: this.#lossless,
      costRate: this.#costRate,
      cost: median(this.#costs),
      costLoss: median(this.#costly.map((run) => 1 - run.arrived / run.sent)),
      latency: late.latency,
      latencyRate: this.#latencyRate,
      resident: this.#link.resident,
      own: this.#saturated.at(-1)!.own,
      ownPackets: this.#saturated.at(-1)!.arrived,
      stolen: Math.max(...all.map((run) => run.stolen / run.seconds)),
      others: Math.max(...all.map((run) => run.others / run.seconds)),
    };
  }

  get #delivered(): number {
    return median(this.#saturated.map((run) => run.delivered));
  }
  get #costRate(): number {
    return Math.min(this.#plan.costRate, COST_SHARE * (this.#lossless || this.#delivered));
  }
  get #latencyRate(): number {
    return LATENCY_SHARE * (this.#lossless || this.#delivered);
  }
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
