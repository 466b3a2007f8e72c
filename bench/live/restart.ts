// How much of a steady stream is lost when a gateway is killed and started anew, and when another takes its place (`--replace`). What does
// not arrive, by the rate, is how long nobody forwarded.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { fixed, median, printTable, rate } from "../table.js";
import { Child } from "./child.js";
import { type LiveFrames, MARK_IN_INNER, makeFrames } from "./frames.js";
import { GATEWAY_ADDRESS, Lab, SNIFFER_MAC } from "./lab.js";
import { whenLeaving } from "./leaving.js";
import type { Programs, SinkReport } from "./programs.js";
import type { Way } from "./spangate.js";

const PROGRAM = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));
const RATES = [10_000, 100_000, 300_000];
const TIMES = 5;
const QUICK = { rates: [100_000], times: 3 };
/** Of a stream, and when something happens in it. */
const SECONDS = 4;
const BEFORE = 1500;
const LAST_PACKETS = 300;
const WAYS: readonly Way[] = [
  { backend: "afxdp", mode: "native" },
  { backend: "afxdp", mode: "skb" },
  { backend: "afpacket", mode: "skb" },
];

/** How the next gateway comes. */
type Manner = "killed, and started anew" | "replaced";

export async function restart(programs: Programs, innerLength: number, isQuick: boolean): Promise<void> {
  const { rates, times } = isQuick ? QUICK : { rates: RATES, times: TIMES };
  const frames = makeFrames("ERSPAN II", 10, innerLength);
  for (const manner of ["killed, and started anew", "replaced"] as const) {
    const rows: string[][] = [];
    for (const way of WAYS)
      for (const wanted of rates) {
        const lost: number[] = [];
        for (let i = 0; i < times; i++) lost.push(await once(programs, frames, { way, manner, wanted }));
        const milliseconds = lost.map((count) => (1000 * count) / wanted);
        rows.push([
          `${way.backend}, ${way.mode}`,
          rate(wanted),
          String(median(lost)),
          `${fixed(median(milliseconds))} ms`,
          `${fixed(Math.max(...milliseconds))} ms`,
        ]);
      }
    printTable(`${manner}, ${times} times`, ["", "sent", "lost", "of traffic", "at the most"], rows);
  }
}

interface What {
  readonly way: Way;
  readonly manner: Manner;
  readonly wanted: number;
}

/** Packets of one stream that did not arrive. */
async function once(programs: Programs, frames: LiveFrames, { way, manner, wanted }: What): Promise<number> {
  const lab = Lab.create();
  try {
    lab.setGro("t0", way.mode === "skb");
    const marks = ["--sessions", String(frames.sessions), "--mark-at", String(MARK_IN_INNER)];
    const sink = await programs.start(lab.sniffer, "sink", "d1", "tcx", ...marks);
    const start = starter(lab, way);
    const first = await start();
    const options = [...frames.options, "--seconds", String(SECONDS), "--rate", String(wanted)];
    const sending = programs.send(lab.source, "s0", frames.path, ...options);
    await sleep(BEFORE);
    if (manner !== "replaced") process.kill(first.pid, "SIGKILL");
    const second = await start(...(manner === "replaced" ? ["--replace"] : []));
    const { sent } = await sending;
    await sleep(LAST_PACKETS);
    const { marked } = await sink.ask<SinkReport>("report");
    await second.stop();
    await first.stop();
    await sink.stop();
    return sent - marked;
  } finally {
    lab.dispose();
  }
}

function starter(lab: Lab, { backend, mode }: Way): (...flags: string[]) => Promise<Child> {
  const folder = mkdtempSync(join(tmpdir(), "spangate-restart-"));
  whenLeaving(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "gateway.yaml");
  const configuration = {
    tunnel: { interface: "t0", addresses: [GATEWAY_ADDRESS], backend, xdp: mode },
    delivery: { interface: "d0", mtu: 1700 },
    api: { socket: join(folder, "api.sock") },
    sniffers: [{ name: "sniffer", deliver: "mac", mac: SNIFFER_MAC }],
    tenants: [
      { name: "tenant", sources: [{ encapsulation: "erspan", from: "10.77.1.0/24" }], sniffers: ["sniffer"] },
    ],
  };
  writeFileSync(file, JSON.stringify(configuration));
  return async (...flags) => {
    const child = new Child(lab.gateway, [process.execPath, PROGRAM, "run", file, "--log", "text", ...flags]);
    await child.until((output) => output.includes("spangate: ready"));
    return child;
  };
}
