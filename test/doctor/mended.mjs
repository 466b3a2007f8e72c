// Run by systemd.test.ts: asks the doctor, runs the commands that mend what is wrong of some checks, and asks again.

import { execFileSync, spawnSync } from "node:child_process";

const [main, file, ...checks] = process.argv.slice(2);

function ask() {
  const { stdout } = spawnSync(process.execPath, [main, "doctor", file, "--json"], { encoding: "utf8" });
  return JSON.parse(stdout).findings.filter(({ check }) => checks.includes(check));
}

const sick = ask();
for (const { mend } of sick)
  if (mend !== undefined) execFileSync("sh", ["-ec", mend], { stdio: ["ignore", 2, 2] });
console.log(JSON.stringify({ sick, well: ask() }));
