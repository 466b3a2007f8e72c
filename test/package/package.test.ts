// The package as others get it: packed, installed into an empty project, run, and type-checked with each way of resolving modules.

import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ABI_VERSION, readFrames } from "../../src/index.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const project = mkdtempSync(join(tmpdir(), "spangate-package-"));
afterAll(() => rmSync(project, { recursive: true }), 60_000);

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
const capture = join(root, "test/fixtures/demo-mixed.pcap");

function run(command: string, ...words: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, words, { cwd: project, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${words.join(" ")}: ${status}\n${stdout}${stderr}`);
  return stdout;
}

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}
let packed: Packed;

beforeAll(() => {
  const output = execFileSync(
    "npm",
    ["pack", "--json", "--ignore-scripts", "--loglevel=error", "--pack-destination", project],
    { cwd: root, encoding: "utf8" },
  );
  [packed] = JSON.parse(output) as [Packed];
  writeFileSync(
    join(project, "package.json"),
    JSON.stringify({ name: "consumer", private: true, type: "module" }),
  );
  run(
    "npm",
    "install",
    "--prefer-offline",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    `./${packed.filename}`,
  );
  for (const name of ["consumer.mjs", "consumer.ts"])
    copyFileSync(join(root, "test/package", name), join(project, name));
}, 120_000);

test("has what is run and what is read, and nothing else", () => {
  const folders = new Set(packed.files.map(({ path }) => path.split("/").slice(0, 2).join("/")));
  expect([...folders].sort()).toEqual(
    [
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "appliance/grafana",
      "appliance/systemd",
      "dist/assembly",
      "dist/src",
      "package.json",
    ].sort(),
  );
});

test("runs", async () => {
  const output = run(process.execPath, "consumer.mjs", capture, "clean.pcapng");
  expect(JSON.parse(output)).toEqual({
    delivered: 288,
    received: 0,
    code: "DISPOSED",
    mistakes: 1,
    VERSION: version,
    ABI_VERSION,
  });
  let frames = 0;
  for await (const _ of readFrames(join(project, "clean.pcapng"))) frames++;
  expect(frames).toBe(288);
});

test("brings the command", () => {
  expect(run(join(project, "node_modules/.bin/spangate"), "--version")).toBe(`${version}\n`);
});

describe("has types", () => {
  const strict = { strict: true, noEmit: true, exactOptionalPropertyTypes: true };
  // As tsconfig/node22 has it: @types/node declares no WebAssembly, so that only the DOM's library passes a check of all files.
  const server = { types: ["node"], lib: ["ES2022"], skipLibCheck: true };
  const page = { types: [], lib: ["ES2022", "DOM", "DOM.AsyncIterable", "ESNext.Disposable"] };
  beforeAll(() => {
    for (const name of ["@types", "undici-types"])
      symlinkSync(join(root, "node_modules", name), join(project, "node_modules", name));
  });

  test.each([
    ["NodeNext", { types: ["node"], module: "NodeNext", moduleResolution: "NodeNext" }],
    ["Bundler, without the DOM", { ...server, module: "ESNext", moduleResolution: "Bundler" }],
    [
      "Bundler, for browsers",
      { ...page, module: "ESNext", moduleResolution: "Bundler", customConditions: ["browser"] },
    ],
  ])("for %s", (name, options) => {
    const file = `tsconfig.${name.length}.json`;
    const compilerOptions = { target: "ES2022", ...strict, ...options };
    writeFileSync(join(project, file), JSON.stringify({ compilerOptions, files: ["consumer.ts"] }));
    run(process.execPath, join(root, "node_modules/typescript/bin/tsc"), "-p", file);
  });
});
