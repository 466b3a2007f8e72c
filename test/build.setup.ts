// Before any test: the engine is compiled, so that tests never run against yesterday's.

import { execFileSync } from "node:child_process";

export default function build(): void {
  execFileSync("npm", ["run", "--silent", "build:engine"], { stdio: "inherit" });
}
