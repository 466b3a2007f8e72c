// The live demo's counters: each sniffer's packets as its tcpdump counts them, and the gateway's own numbers. On a terminal a table
// that stays in its place, elsewhere a line a second.

import { type Column, tableText } from "../../src/cli/table.js";
import { reportStyleFor } from "../../src/cli/terminal.js";
import type { StatusDocument } from "../../src/control/status.js";
import type { Running } from "./running.js";
import type { Sniffer } from "./sniffer.js";
import { pause } from "./until.js";

const SECOND = 1000;
const FRAME = 250;
const COLUMNS: readonly Column[] = [
  ["sniffer", "left"],
  ["packets", "right"],
  ["packets/s", "right"],
];

/** Counts of all sniffers at one time, in milliseconds. */
interface Sample {
  readonly time: number;
  readonly counts: readonly number[];
}

/** Shows them until `running` is over; the last ones stay. */
export async function showCounters(
  sniffers: ReadonlyMap<string, Sniffer>,
  status: Running,
  running: Promise<unknown>,
  interruption: AbortSignal,
): Promise<void> {
  const out = process.stdout;
  const style = reportStyleFor(out);
  const names = [...sniffers.keys()];
  const start = performance.now();
  let over = false;
  const ended = running.then(
    () => (over = true),
    () => (over = true),
  );
  const samples: Sample[] = [];
  let height = 0;
  for (;;) {
    const isLast = over;
    const counts = await Promise.all([...sniffers.values()].map((sniffer) => sniffer.count()));
    if (interruption.aborted) return;
    samples.push({ time: performance.now(), counts });
    // A second is what a rate is about, or what there is of one.
    while (samples.length > 2 && samples.at(-1)!.time - samples[1]!.time >= 0.9 * SECOND) samples.shift();
    const rates = ratesOf(samples);
    const gateway = gatewayText(lastDocument(status), style.number);
    if (out.isTTY) {
      const rows = names.map((name, i) => [name, style.number(counts[i]!), style.number(rates[i]!)]);
      const lines = [...tableText(COLUMNS, rows, style.title), gateway];
      out.write(`${height > 0 ? `\u001b[${height}F\u001b[J` : ""}${lines.join("\n")}\n`);
      height = lines.length;
    } else if (samples.length > 1) {
      const cells = names.map((name, i) => `${name} ${counts[i]} (${rates[i]}/s)`);
      const seconds = ((performance.now() - start) / SECOND).toFixed(1);
      out.write(`${seconds} s: ${cells.join(", ")}; ${gateway}\n`);
    }
    if (isLast) return;
    await Promise.race([ended, pause(out.isTTY ? FRAME : SECOND)]);
  }
}

function ratesOf(samples: readonly Sample[]): number[] {
  const [first, last] = [samples[0]!, samples.at(-1)!];
  const seconds = (last.time - first.time) / SECOND;
  return last.counts.map((count, i) => (seconds > 0 ? Math.round((count - first.counts[i]!) / seconds) : 0));
}

/** Of `spangate status --watch --json`: a document a line. */
export function lastDocument(status: Running): StatusDocument | undefined {
  const line = status.stdout.slice(0, status.stdout.lastIndexOf("\n")).split("\n").at(-1)!;
  return line === "" ? undefined : (JSON.parse(line) as StatusDocument);
}

function gatewayText(status: StatusDocument | undefined, number: (value: number) => string): string {
  if (status === undefined) return "gateway: not asked yet";
  const { received, delivered, drops, kernel } = status;
  const lost = kernel.dropped + kernel.ringFull;
  const counts = [received, delivered, drops, lost].map(number);
  return `gateway: ${counts[0]} received, ${counts[1]} delivered, ${counts[2]} dropped, ${counts[3]} lost in the kernel`;
}
