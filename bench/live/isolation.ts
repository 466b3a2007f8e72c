// What one tenant's sniffer gets while another's takes all of its own, little, or next to nothing.

import { fixed, median, printTable, rate } from "../table.js";
import type { LiveContender } from "./contenders.js";
import { makeFrames } from "./frames.js";
import { SNIFFER_MAC } from "./lab.js";
import type { Plan } from "./measure.js";
import type { Programs } from "./programs.js";
import { liveGateway, NATIVE } from "./spangate.js";
import { onStage } from "./stage.js";

const SESSIONS = 10;
/** Packets a second of both tenants together: well below what is lost. */
const PART = 300_000;
const OTHER_MAC = "02:00:00:00:0a:02";
const WATCHED = "0a01";

/** Half of the sessions are the other tenant's. */
function besides(name: string, limit: object): LiveContender {
  const tenant = (owner: string, first: number) => ({
    name: owner,
    sources: Array.from({ length: SESSIONS / 2 }, (_, i) => ({
      encapsulation: "erspan",
      session: first + i,
    })),
    sniffers: [owner],
  });
  return liveGateway(name, NATIVE, {
    sniffers: [
      { name: "watched", deliver: "mac", mac: SNIFFER_MAC },
      { name: "other", deliver: "mac", mac: OTHER_MAC, ...limit },
    ],
    tenants: [tenant("watched", 0), tenant("other", SESSIONS / 2)],
  });
}

const CASES = [
  besides("takes all", {}),
  besides("limited, drops the newest", { rate: "10Mbit" }),
  besides("limited, drops the oldest", { rate: "10Mbit", overflow: "drop-oldest" }),
  besides("stalled: a packet a minute", { rate: "20bit", queue: 8192 }),
];

export async function isolation(programs: Programs, innerLength: number, plan: Plan): Promise<void> {
  const frames = makeFrames("ERSPAN II", SESSIONS, innerLength);
  const options = { countsMacs: true };
  const entrants = CASES.map((contender) => ({ contender, frames, options }));
  await onStage(programs, entrants, async (links) => {
    const names = [...links.keys()].map(({ name }) => name);
    const shares = names.map((): number[] => []);
    const most = names.map((): number[] => []);
    for (let turn = 0; turn < plan.runs; turn++) {
      for (const [i, link] of [...links.values()].entries()) {
        const part = await link.run({ seconds: plan.seconds, rate: PART });
        shares[i]!.push((part.macs[WATCHED] ?? 0) / (part.sent / 2));
        const full = await link.run({ seconds: plan.seconds });
        most[i]!.push((full.macs[WATCHED] ?? 0) / full.seconds);
      }
    }
    printTable(
      `What a sniffer gets beside another, with as many packets each (medians of ${plan.runs}, in turns)`,
      ["the other", `of its packets, at ${rate(PART)}`, "at saturation", "ratio"],
      names.map((name, i) => [
        name,
        `${fixed(100 * median(shares[i]!), 3)} %`,
        rate(median(most[i]!)),
        fixed(median(most[i]!) / median(most[0]!), 2),
      ]),
    );
  });
}
