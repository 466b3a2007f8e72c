// npm run bench [-- engine map lookup offline watching yardstick] [--axis NAME] [--json FILE] [--keep]: measures, prints tables, writes
// everything as JSON.

import { writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { benchEngine, printEngine } from "./engine.js";
import { benchJavaScript } from "./javascript-yardstick.js";
import { benchLookup, printLookup } from "./lookup.js";
import { benchMap, printMap } from "./map.js";
import { benchOffline, printOffline } from "./offline.js";
import { benchWatching, printWatching } from "./watching.js";
import { benchYardstick } from "./yardstick.js";
import { printJavaScript, printYardstick } from "./yardstick-tables.js";

const PARTS = ["engine", "map", "lookup", "offline", "watching", "yardstick"] as const;
type Part = (typeof PARTS)[number];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    axis: { type: "string", multiple: true },
    json: { type: "string" },
    keep: { type: "boolean", default: false },
  },
});
const unknown = positionals.filter((name) => !PARTS.includes(name as Part));
if (unknown.length > 0) {
  console.error(`${unknown.join(", ")}: there is no such part, only ${PARTS.join(", ")}`);
  process.exit(2);
}
const wanted = positionals.length === 0 ? PARTS : (positionals as Part[]);

/** What it ran on; figures of two machines do not compare. */
const machine = {
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryBytes: totalmem(),
  kernel: `${process.platform} ${release()}`,
  node: process.version,
  date: new Date().toISOString(),
};

const report: Record<string, unknown> = { machine };
console.log(
  `${machine.cpu}, ${machine.cores} cores, ${(machine.memoryBytes / 2 ** 30).toFixed(0)} GiB; ${machine.kernel}; ` +
    `Node ${machine.node}; ${machine.date}`,
);
if (wanted.includes("engine")) {
  const results = await benchEngine();
  printEngine(results);
  report.engine = results;
}
if (wanted.includes("map")) {
  const results = await benchMap();
  printMap(results);
  report.map = results;
}
if (wanted.includes("lookup")) {
  const results = await benchLookup();
  printLookup(results);
  report.lookup = results;
}
if (wanted.includes("offline")) {
  const results = await benchOffline(values.keep);
  printOffline(results);
  report.offline = results;
}
if (wanted.includes("watching")) {
  const results = await benchWatching();
  printWatching(results);
  report.watching = results;
}
if (wanted.includes("yardstick")) {
  const results = await benchYardstick(values.axis);
  printYardstick(results);
  const javaScript = await benchJavaScript();
  printJavaScript(javaScript);
  report.yardstick = { ...results, javaScript };
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
