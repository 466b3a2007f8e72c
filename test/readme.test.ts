// The README says what is so: its tables are those the code makes, the demo prints what it shows, and its programs are those that test/examples runs. `SPANGATE_README=write`
// puts them in instead of comparing.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { SENT_BESIDE, SENT_BY } from "../src/config/backends.js";
import { configurationTable } from "../src/config/documentation.js";
import { VERDICTS } from "../src/engine/index.js";
import { EVENTS } from "../src/telemetry/events.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const path = `${root}README.md`;

/** Compares the text between two marks, or writes it. */
function expectSection(name: string, content: string): void {
  const [start, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
  const readme = readFileSync(path, "utf8");
  const from = readme.indexOf(start) + start.length;
  const to = readme.indexOf(end);
  expect(from, `${start} in README.md`).toBeGreaterThan(start.length);
  expect(to, `${end} in README.md`).toBeGreaterThan(0);
  if (process.env.SPANGATE_README === "write") {
    writeFileSync(path, `${readme.slice(0, from)}${content}${readme.slice(to)}`);
  } else {
    expect(readme.slice(from, to)).toBe(content);
  }
}

test("the configuration table is the schema's", () => {
  expectSection("configuration", `\n${configurationTable().trim()}\n\n`);
});

test("the table of backends and sniffers is the code's", () => {
  const backends = Object.keys(SENT_BY) as (keyof typeof SENT_BY)[];
  const rows = [...SENT_BY.afxdp, ...SENT_BESIDE].map((deliver) => {
    const isBeside = SENT_BESIDE.some((each) => each === deliver);
    const cells = backends.map((each) => (isBeside || SENT_BY[each].includes(deliver) ? "yes" : "no"));
    return `| \`${deliver}\` | ${cells.join(" | ")} |`;
  });
  const head = `| \`deliver\` | ${backends.map((backend) => `\`${backend}\``).join(" | ")} |`;
  const line = `| --- |${" --- |".repeat(backends.length)}`;
  expectSection("backends", `\n${[head, line, ...rows].join("\n")}\n\n`);
});

test("the demo prints what the README shows", () => {
  const output = execFileSync(process.execPath, ["test/examples/demo.mjs"], { cwd: root, encoding: "utf8" });
  expectSection("demo", `\`\`\`\n${output.trim()}\n\`\`\`\n`);
});

test.each(["strip", "deliver", "live", "batch", "browser"])("the program %s is under 20 lines", (name) => {
  const program = readFileSync(`${root}test/examples/${name}.mjs`, "utf8");
  expect(program.trimEnd().split("\n").length).toBeLessThan(20);
  expectSection(`program ${name}`, `\`\`\`js\n${program.trim()}\n\`\`\`\n`);
});

test("the table of events is the log's", () => {
  const rows = Object.entries(EVENTS).map(
    ([code, { level, description }]) => `| \`${code}\` | ${level} | ${description} |`,
  );
  expectSection("events", `\n| code | level | |\n| --- | --- | --- |\n${rows.join("\n")}\n\n`);
});

test("every verdict is in the table", () => {
  const readme = readFileSync(path, "utf8");
  for (const verdict of VERDICTS) expect(readme).toMatch(new RegExp(`^\\|[^|]*\`${verdict}\``, "m"));
});
