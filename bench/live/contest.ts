// All contenders over the same frames: how much, how much without loss, at what cost, how late.

import { fixed, printTable, rate } from "../table.js";
import type { LiveContender } from "./contenders.js";
import { frequency } from "./cpu.js";
import { makeFrames } from "./frames.js";
import { type Measured, measure, type Plan } from "./measure.js";
import type { Programs } from "./programs.js";
import { onStage } from "./stage.js";

export interface Contest {
  readonly programs: Programs;
  readonly contenders: readonly LiveContender[];
  readonly innerLength: number;
  readonly sessions: number;
  readonly plan: Plan;
}

export interface Row {
  readonly contender: string;
  readonly spins: boolean;
  readonly innerLength: number;
  readonly measured: Measured;
}

/** In turns; but those that never sleep are alone. */
export async function contest({
  programs,
  contenders,
  innerLength,
  sessions,
  plan,
}: Contest): Promise<Row[]> {
  const sleeping = contenders.filter(({ spins }) => spins !== true);
  const spinning = contenders.filter(({ spins }) => spins === true);
  const rows: Row[] = [];
  for (const group of [sleeping, ...spinning.map((one) => [one])]) {
    const entrants = group.map((contender) => ({
      contender,
      frames: makeFrames(contender.encapsulation, sessions, innerLength),
    }));
    await onStage(programs, entrants, async (links) => {
      const measured = await measure([...links.values()], plan);
      for (const [i, { name, spins = false }] of [...links.keys()].entries())
        rows.push({ contender: name, spins, innerLength, measured: measured[i]! });
    });
  }
  return rows;
}

export function printContest(rows: readonly Row[], { innerLength, sessions, plan }: Contest): void {
  const first = rows[0];
  if (first === undefined) return;
  const microseconds = (nanoseconds: number | undefined) =>
    nanoseconds === undefined ? "–" : fixed(nanoseconds / 1000, 0);
  const percent = (share: number) => `${fixed(100 * share, 2)} %`;
  printTable(
    `Live, inner frames of ${innerLength} bytes, ${sessions} sessions (saturation and cost: medians of ${plan.runs}, in turns; latency at ` +
      `half of what goes without loss; ratios over ${first.contender})`,
    [
      "",
      "offered",
      "delivered",
      "ratio",
      "without loss",
      "CPU ns",
      "ratio",
      "at",
      "lost there",
      "p50 us",
      "p99 us",
      "p99.9 us",
      "stolen",
      "others",
      "resident",
      "",
    ],
    rows.map(({ contender, spins, measured }) => [
      contender,
      rate(measured.offered),
      rate(measured.delivered),
      fixed(measured.delivered / first.measured.delivered, 2),
      rate(measured.lossless),
      spins ? "spins" : fixed(measured.cost, 0),
      spins ? "–" : fixed(measured.cost / first.measured.cost, 2),
      rate(measured.costRate),
      percent(measured.costLoss),
      microseconds(measured.latency?.p50),
      microseconds(measured.latency?.p99),
      microseconds(measured.latency?.p999),
      percent(measured.stolen),
      percent(measured.others),
      measured.resident === undefined ? "–" : `${fixed(measured.resident / 2 ** 20, 0)} MiB`,
      cycles(measured),
    ]),
  );
}

/** What a contender says of itself; of ours what it is in user space. */
function cycles({ own, ownPackets }: Measured): string {
  const { processingCyclesPerPacket: said, userSeconds } = own;
  const number = userSeconds === undefined ? said : (userSeconds * frequency()) / ownPackets;
  return number === undefined ? "" : `${fixed(number, 0)} cycles`;
}
