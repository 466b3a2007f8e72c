// `npm run bench:live [-- WORD...] [--inner N]... [--sessions N] [--quick] [--json FILE]`, as root: live traffic through each
// contender whose name contains a WORD, or through all; prints tables, writes everything as JSON.

import { writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { parseArgs } from "node:util";
import { fixed, printTable, rate } from "../table.js";
import { CONTENDERS, type LiveContender } from "./contenders.js";
import { type LiveFrames, makeFrames } from "./frames.js";
import { Lab } from "./lab.js";
import { Link } from "./link.js";
import { FULL, type Measured, measure, type Plan, QUICK, quiet } from "./measure.js";
import { Programs } from "./programs.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    inner: { type: "string", multiple: true },
    sessions: { type: "string", default: "10" },
    quick: { type: "boolean", default: false },
    "cost-rate": { type: "string" },
    runs: { type: "string" },
    threaded: { type: "boolean", default: false },
    json: { type: "string" },
  },
});
if (process.getuid?.() !== 0) {
  console.error("The live benchmark makes network namespaces and loads eBPF programs: it takes root.");
  process.exit(2);
}
const lengths = (values.inner ?? (values.quick ? ["128"] : ["64", "128", "512", "1500"])).map(Number);
const sessions = Number(values.sessions);
const plan: Plan = {
  ...(values.quick ? QUICK : FULL),
  ...(values.runs === undefined ? {} : { runs: Number(values.runs) }),
  ...(values["cost-rate"] === undefined ? {} : { costRate: Number(values["cost-rate"]) }),
};
const chosen = CONTENDERS.filter(
  ({ name }) => positionals.length === 0 || positionals.some((word) => name.includes(word)),
);

interface Row {
  readonly contender: string;
  readonly spins: boolean;
  readonly innerLength: number;
  readonly measured: Measured;
}

const programs = Programs.compile();
const machine = {
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  kernel: release(),
  node: process.version,
  compiler: programs.compiler,
  date: new Date().toISOString(),
};
console.log(Object.values(machine).join("; "));
if (!(await quiet(30))) console.log("Others are at work on this machine: figures are worth little.");

const rows: Row[] = [];
for (const innerLength of lengths) {
  for (const contender of chosen) {
    const reason = contender.missing();
    if (reason !== undefined) {
      console.log(`${contender.name}: left out, ${reason}`);
      continue;
    }
    const frames = makeFrames(contender.encapsulation, sessions, innerLength);
    const measured = await measureIn(contender, frames);
    if (measured !== undefined)
      rows.push({ contender: contender.name, spins: contender.spins === true, innerLength, measured });
  }
  print(innerLength);
}
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify({ machine, plan, sessions, rows }, null, 2)}\n`);

async function measureIn(contender: LiveContender, frames: LiveFrames): Promise<Measured | undefined> {
  const lab = Lab.create({ threaded: values.threaded });
  try {
    const link = await Link.open(lab, programs, frames, contender);
    const measured = await measure(link, plan);
    await link.close();
    return measured;
  } catch (error) {
    console.log(`${contender.name}: ${(error as Error).message}`);
    process.exitCode = 1;
    return undefined;
  } finally {
    lab.dispose();
  }
}

function print(innerLength: number): void {
  const here = rows.filter((row) => row.innerLength === innerLength);
  if (here.length === 0) return;
  const first = here[0]!;
  const microseconds = (nanoseconds: number | undefined) =>
    nanoseconds === undefined ? "–" : fixed(nanoseconds / 1000, 0);
  const percent = (share: number) => `${fixed(100 * share, 2)} %`;
  printTable(
    `Live, inner frames of ${innerLength} bytes, ${sessions} sessions (saturation and cost: medians of ${plan.runs}; latency at half ` +
      `of what goes without loss; ratios over ${first.contender})`,
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
    here.map(({ contender, spins, measured }) => [
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

function cycles({ own }: Measured): string {
  const { processingCyclesPerPacket: number } = own;
  return number === undefined ? "" : `${fixed(number, 0)} cycles`;
}
