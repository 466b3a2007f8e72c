// Before any test: the engine and the command are built, so that tests never run against yesterday's.

import { execFileSync } from "node:child_process";

/** In the environment, as each project of vitest.config.ts has modules of its own. */
const DONE = "SPANGATE_TESTS_BUILT";

export default function build(): void {
  if (process.env[DONE] !== undefined) return;
  execFileSync("npm", ["run", "--silent", "build"], { stdio: "inherit" });
  process.env[DONE] = "1";
}
