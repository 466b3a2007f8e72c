// What changes of the map, and questions to the control API, do to packets that pass: at half of what the gateway delivers at the most.

import { type ChildProcess, fork } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { fixed, median, printTable, rate } from "../table.js";
import { TICKS } from "./cpu.js";
import { makeFrames } from "./frames.js";
import { whenLeaving } from "./leaving.js";
import type { Link } from "./link.js";
import type { Plan } from "./measure.js";
import type { Programs } from "./programs.js";
import { liveGateway, NATIVE, type Tenancy } from "./spangate.js";
import { onStage } from "./stage.js";

const SHARE = 0.5;
/** Sessions that packets come from, and those that a map names beside. */
const SESSIONS = 10;
const NAMED = 10_000;
const IDS = 1024;
const CHANGES_A_MINUTE = 1000;
const SECONDS = 60;
/** Changes whose time is taken, one after the other. */
const TIMED = 200;
const READS_A_SECOND = 1000;
const SATURATED = { seconds: 5 };

/** One tenant that is sent to, at `mac`, and others that nobody sends anything, with every second of theirs at `other`. */
function tenancy(mac: string, named: number): Tenancy {
  const others = Array.from({ length: named }, (_, i) => i);
  return {
    sniffers: [
      { name: "sniffer", deliver: "mac", mac },
      ...others.map((i) => ({
        name: `s${i}`,
        deliver: "mac",
        mac: `02:00:00:02:${byte(i >> 8)}:${byte(i)}`,
      })),
    ],
    tenants: [
      { name: "tenant", sources: [{ encapsulation: "erspan", from: "10.77.1.0/24" }], sniffers: ["sniffer"] },
      ...others.map((i) => ({
        name: `t${i}`,
        sources: [{ encapsulation: "erspan", session: i % IDS, from: `10.78.0.${1 + Math.floor(i / IDS)}` }],
        sniffers: [`s${i}`],
      })),
    ],
  };
}

const byte = (value: number) => (value & 0xff).toString(16).padStart(2, "0");
/** Of a sniffer's changes: each a MAC address of its own. */
const macOf = (number: number) => `02:00:00:03:${byte(number >> 8)}:${byte(number)}`;
const keyOf = (number: number) => `${byte(number >> 8)}${byte(number)}`;

export async function changes(programs: Programs, innerLength: number, plan: Plan): Promise<void> {
  const frames = makeFrames("ERSPAN II", SESSIONS, innerLength);
  const contender = (name: string, named: number) => ({
    contender: liveGateway(name, NATIVE, tenancy(macOf(0), named), true),
    frames,
    options: { countsMacs: true },
  });
  await onStage(
    programs,
    [contender("large map", NAMED), contender("small map", 0), contender("asked", 0)],
    async (links) => {
      const [large, small, asked] = [...links.values()];
      if (large === undefined || small === undefined || asked === undefined) return;
      const most: number[] = [];
      for (let i = 0; i < plan.runs; i++) most.push((await large.run(SATURATED)).delivered);
      const load = SHARE * median(most);
      await replacements(large, load);
      await delays(small, load);
      await reads(asked, load, plan);
    },
  );
}

/** Whole maps, as often as is asked for; packets that are lost, and that go by no map that there was. */
async function replacements(link: Link, load: number): Promise<void> {
  const bodies = [1, 2].map((number) => JSON.stringify(tenancy(macOf(number), NAMED)));
  const agent = new Agent({ keepAlive: true });
  let count = 0;
  let isOver = false;
  const longest: number[] = [];
  const changing = (async () => {
    const begin = performance.now();
    for (; !isOver; count++) {
      await sleep(Math.max(0, begin + (count * 60_000) / CHANGES_A_MINUTE - performance.now()));
      const before = performance.now();
      await ask(link.socket!, agent, "PUT", "/map", bodies[count % 2]);
      longest.push(performance.now() - before);
    }
  })();
  const run = await link.run({ seconds: SECONDS, rate: load });
  isOver = true;
  await changing;
  agent.destroy();
  const known = [0, 1, 2].reduce((sum, number) => sum + (run.macs[keyOf(number)] ?? 0), 0);
  printTable(
    `A map of ${NAMED} sessions replaced again and again for ${SECONDS} s, at ${rate(load)}`,
    ["replacements", "median", "99 %", "sent", "lost", "misdelivered", "stolen"],
    [
      [
        String(count),
        `${fixed(median(longest), 1)} ms`,
        `${fixed(percentile(longest, 0.99), 1)} ms`,
        String(run.sent),
        String(run.sent - run.arrived),
        String(run.arrived - known),
        `${fixed((100 * run.stolen) / run.seconds, 2)} %`,
      ],
    ],
  );
}

/** From the request to the first packet that is delivered as it says. */
async function delays(link: Link, load: number): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  const asked = new Map<string, bigint>();
  let number = 0;
  const changing = (async () => {
    await sleep(1000);
    while (number < TIMED) {
      const key = keyOf(++number);
      const body = JSON.stringify({ deliver: "mac", mac: macOf(number) });
      asked.set(key, process.hrtime.bigint());
      await ask(link.socket!, agent, "PUT", "/sniffers/sniffer", body);
      await sleep(randomInt(20, 100));
    }
  })();
  const run = await link.run({ seconds: 2 + (TIMED * 80) / 1000, rate: load });
  await changing;
  agent.destroy();
  const all = [...asked].flatMap(([key, at]) => {
    const first = run.firsts[key];
    return first === undefined ? [] : [Number(BigInt(first) - at) / 1e6];
  });
  printTable(
    `From a request that changes a sniffer to the first packet that it gets by it, at ${rate(load)}`,
    ["changes", "median", "99 %", "most", "sent", "lost"],
    [
      [
        String(all.length),
        `${fixed(median(all), 1)} ms`,
        `${fixed(percentile(all, 0.99), 1)} ms`,
        `${fixed(Math.max(...all), 1)} ms`,
        String(run.sent),
        String(run.sent - run.arrived),
      ],
    ],
  );
}

/**
 * Delivery while the API is asked a thousand times a second, while the same questions go to a server that does nothing, in the process that
 * asks them, and while nobody asks; in turns, at full and at half load. The asker is on the machine's processors too: what the API takes
 * from delivery is the difference between the first two.
 */
async function reads(link: Link, load: number, { runs }: Plan): Promise<void> {
  const HOWS = ["nobody", "the asker itself", "the gateway"] as const;
  const runsOf = () => ({ delivered: [] as number[], answers: [] as number[], cpu: [] as number[], lost: 0 });
  const all = { nobody: runsOf(), "the asker itself": runsOf(), "the gateway": runsOf() };
  for (let turn = 0; turn < runs; turn++) {
    for (const how of HOWS) {
      const asker =
        how === "nobody" ? undefined : await Asker.start(how === "the gateway" ? link.socket! : "");
      const { delivered, answers, cpu } = all[how];
      const before = mainSeconds(link.pid!);
      const begin = performance.now();
      delivered.push((await link.run(SATURATED)).delivered);
      const half = await link.run({ ...SATURATED, rate: load });
      cpu.push((1000 * (mainSeconds(link.pid!) - before)) / (performance.now() - begin));
      all[how].lost += half.sent - half.arrived;
      if (asker !== undefined) answers.push(await asker.stop());
    }
  }
  const control = median(all["the asker itself"].delivered);
  printTable(
    `The control API asked ${READS_A_SECOND} times a second (medians of ${runs}, in turns)`,
    [
      "asked",
      "answers a second",
      "main thread",
      "delivered at saturation",
      "ratio to the asker",
      `lost at ${rate(load)}`,
    ],
    HOWS.map((how) => {
      const { delivered, answers, cpu, lost } = all[how];
      return [
        how,
        answers.length > 0 ? fixed(median(answers), 0) : "",
        `${fixed(100 * median(cpu), 1)} %`,
        rate(median(delivered)),
        fixed(median(delivered) / control, 3),
        String(lost),
      ];
    }),
  );
}

/** Seconds of processors that the main thread of a process has had. */
function mainSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/task/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

class Asker {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** @param socket of a gateway; empty: it asks itself */
  static async start(socket: string): Promise<Asker> {
    const child = fork(fileURLToPath(new URL("./asker.js", import.meta.url)), [
      socket,
      String(READS_A_SECOND),
    ]);
    whenLeaving(() => void child.kill("SIGKILL"));
    await once(child, "message");
    return new Asker(child);
  }

  /** Answers a second. */
  async stop(): Promise<number> {
    const answer = once(this.#child, "message");
    this.#child.send("enough");
    const [answers] = (await answer) as [number];
    return answers;
  }
}

function ask(socketPath: string, agent: Agent, method: string, path: string, body?: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const asked = request({ socketPath, agent, method, path, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => {
        if (response.statusCode !== 200) text += piece;
      });
      response.on("end", () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
      });
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
