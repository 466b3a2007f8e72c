// What a packet costs, and what the gateway takes of memory, with few sniffers and mirror sessions and with many.

import { fixed, printTable, rate } from "../table.js";
import { makeFrames } from "./frames.js";
import { measure, type Plan } from "./measure.js";
import type { Programs } from "./programs.js";
import { liveGateway, NATIVE, type Tenancy } from "./spangate.js";
import { onStage } from "./stage.js";

const SIZES = [
  { sniffers: 10, sessions: 10 },
  { sniffers: 1000, sessions: 10_000 },
  { sniffers: 10_000, sessions: 100_000 },
];
/** Sessions of a source address; the sender takes the next one for more (bench/native/live/records.h). */
const IDS = 1024;

/** Session after session to one sniffer after another, each a tenant of its own. */
function tenancy(sniffers: number, sessions: number): Tenancy {
  const all = Array.from({ length: sniffers }, (_, i) => i);
  const sourceOf = (session: number) => ({
    encapsulation: "erspan",
    session: session % IDS,
    from: `10.77.1.${1 + Math.floor(session / IDS)}`,
  });
  return {
    sniffers: all.map((i) => ({ name: `s${i}`, deliver: "mac", mac: macOf(i) })),
    tenants: all.map((i) => ({
      name: `t${i}`,
      sources: Array.from({ length: sessions / sniffers }, (_, turn) => sourceOf(i + turn * sniffers)),
      sniffers: [`s${i}`],
    })),
  };
}

function macOf(number: number): string {
  const [high, low] = [number >> 8, number & 0xff].map((byte) => byte.toString(16).padStart(2, "0"));
  return `02:00:00:01:${high}:${low}`;
}

export async function scale(programs: Programs, innerLength: number, plan: Plan): Promise<void> {
  const entrants = SIZES.map(({ sniffers, sessions }) => ({
    contender: liveGateway(`${sniffers} sniffers, ${sessions} sessions`, NATIVE, tenancy(sniffers, sessions)),
    frames: makeFrames("ERSPAN II", sessions, innerLength),
  }));
  await onStage(programs, entrants, async (links) => {
    const all = await measure([...links.values()], plan);
    const names = [...links.keys()].map(({ name }) => name);
    const first = all[0];
    if (first === undefined) return;
    printTable(
      `Few sniffers and many, inner frames of ${innerLength} bytes (medians of ${plan.runs}, in turns)`,
      ["", "delivered", "ratio", "CPU ns", "ratio", "at", "lost there", "resident"],
      all.map((measured, i) => [
        names[i]!,
        rate(measured.delivered),
        fixed(measured.delivered / first.delivered, 2),
        fixed(measured.cost, 0),
        fixed(measured.cost / first.cost, 2),
        rate(measured.costRate),
        `${fixed(100 * measured.costLoss, 2)} %`,
        `${fixed((measured.resident ?? 0) / 2 ** 20, 0)} MiB`,
      ]),
    );
  });
}
