// Before any test: the engine and the command are built, so that tests never run against yesterday's.

import { execFileSync } from "node:child_process";

export default function build(): void {
  execFileSync("npm", ["run", "--silent", "build"], { stdio: "inherit" });
}
