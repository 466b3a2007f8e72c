// What is lost at 70 % of what a contender delivers at most: minutes, until three count. One of which the host took more than half a
// percent is not the contender's, and is run again.

import { fixed, median, printTable, rate } from "../table.js";
import type { LiveContender } from "./contenders.js";
import { makeFrames } from "./frames.js";
import type { Link, Run } from "./link.js";
import { isDisturbed, quiet } from "./measure.js";
import type { Programs } from "./programs.js";
import { onStage } from "./stage.js";

const SHARE = 0.7;
const SECONDS = 60;
const MINUTES = 3;
const MOST_MINUTES = 12;
const SATURATED = { seconds: 5 };
const TIMES = 5;

export async function loss(
  programs: Programs,
  contenders: readonly LiveContender[],
  innerLength: number,
): Promise<void> {
  for (const contender of contenders) {
    const frames = makeFrames(contender.encapsulation, 10, innerLength);
    await onStage(programs, [{ contender, frames }], async (links) => {
      for (const link of links.values()) await ofOne(contender.name, link);
    });
  }
}

async function ofOne(name: string, link: Link): Promise<void> {
  await link.run({ seconds: 1, rate: 100_000 }); // to be warm
  const most: number[] = [];
  for (let i = 0; i < TIMES; i++) most.push((await link.run(SATURATED)).delivered);
  const wanted = SHARE * median(most);
  const runs: Run[] = [];
  while (runs.filter((run) => !isDisturbed(run)).length < MINUTES && runs.length < MOST_MINUTES) {
    await quiet(20);
    runs.push(await link.run({ seconds: SECONDS, rate: wanted }));
  }
  printTable(
    `${name}: minutes at ${rate(wanted)}, which is ${100 * SHARE} % of ${rate(median(most))}`,
    ["", "sent", "lost", "stolen", "others"],
    runs.map((run) => [
      isDisturbed(run) ? "disturbed" : "counts",
      String(run.sent),
      String(run.sent - run.arrived),
      `${fixed((100 * run.stolen) / run.seconds, 2)} %`,
      `${fixed((100 * run.others) / run.seconds, 2)} %`,
    ]),
  );
}
