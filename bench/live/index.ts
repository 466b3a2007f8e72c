// `npm run bench:live [-- WORD...] [--ask contest|loss|isolation|scale|changes|restart] [--inner N]... [--quick] [--json FILE]`, as root: live traffic
// through each contender whose name contains a WORD, or through all; prints tables. A contest is written as JSON, too.

import { writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { parseArgs } from "node:util";
import { changes } from "./changes.js";
import { CONTENDERS } from "./contenders.js";
import { contest, printContest, type Row } from "./contest.js";
import { isolation } from "./isolation.js";
import { loss } from "./loss.js";
import { FULL, type Plan, QUICK, quiet } from "./measure.js";
import { Programs } from "./programs.js";
import { restart } from "./restart.js";
import { scale } from "./scale.js";
import { spangate } from "./spangate.js";

const QUESTIONS = ["contest", "loss", "isolation", "scale", "changes", "restart"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ask: { type: "string", default: "contest" },
    inner: { type: "string", multiple: true },
    sessions: { type: "string", default: "10" },
    quick: { type: "boolean", default: false },
    "cost-rate": { type: "string" },
    "cost-seconds": { type: "string" },
    runs: { type: "string" },
    repeats: { type: "string" },
    json: { type: "string" },
  },
});
if (process.getuid?.() !== 0) {
  console.error("The live benchmark makes network namespaces and loads eBPF programs: it takes root.");
  process.exit(2);
}
if (!QUESTIONS.includes(values.ask)) {
  console.error(`--ask takes ${QUESTIONS.join(", ")}.`);
  process.exit(2);
}
const isContest = values.ask === "contest";
const hasOwnContenders = ["isolation", "scale", "changes", "restart"].includes(values.ask);
const idle = [
  ...(!isContest && values.json !== undefined ? ["--json"] : []),
  ...(!isContest && values.sessions !== "10" ? ["--sessions"] : []),
  ...(hasOwnContenders && positionals.length > 0 ? ["a WORD"] : []),
];
if (idle.length > 0) {
  console.error(`--ask ${values.ask} takes no ${idle.join(", no ")}.`);
  process.exit(2);
}
const lengths = (values.inner ?? (values.quick ? ["128"] : ["64", "128", "512", "1500"])).map(Number);
const sessions = Number(values.sessions);
const given = (key: keyof Plan, text: string | undefined) => {
  if (text === undefined) return {};
  if (/^\d+$/.test(text)) return { [key]: Number(text) };
  console.error(`${JSON.stringify(text)} is no number.`);
  process.exit(2);
};
const plan: Plan = {
  ...(values.quick ? QUICK : FULL),
  ...given("runs", values.runs),
  ...given("repeats", values.repeats),
  ...given("costRate", values["cost-rate"]),
  ...given("costSeconds", values["cost-seconds"]),
};
const contenders = (values.ask === "loss" && positionals.length === 0 ? spangate : CONTENDERS)
  .filter(({ name }) => positionals.length === 0 || positionals.some((word) => name.includes(word)))
  .filter(({ name, missing }) => {
    const reason = missing();
    if (reason !== undefined) console.log(`${name}: left out, ${reason}`);
    return reason === undefined;
  });

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
  if (values.ask === "loss") await loss(programs, contenders, innerLength);
  else if (values.ask === "isolation") await isolation(programs, innerLength, plan);
  else if (values.ask === "scale") await scale(programs, innerLength, plan);
  else if (values.ask === "changes") await changes(programs, innerLength, plan);
  else if (values.ask === "restart") await restart(programs, innerLength, values.quick);
  else await compete(innerLength);
}
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify({ machine, plan, sessions, rows }, null, 2)}\n`);

async function compete(innerLength: number): Promise<void> {
  const of = { programs, contenders, innerLength, sessions, plan };
  const here = await contest(of);
  printContest(here, of);
  rows.push(...here);
}
