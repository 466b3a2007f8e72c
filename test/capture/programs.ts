// The programs that judge what we write. CI installs them; where they are missing, the tests say so aloud.
import { execFileSync, spawnSync } from "node:child_process";

const asked = new Map<string, boolean>();

/** Whether a program is not installed; warns the first time. */
export function missing(program: string): boolean {
  let absent = asked.get(program);
  if (absent === undefined) {
    absent = spawnSync(program, ["--version"], { stdio: "ignore" }).error !== undefined;
    asked.set(program, absent);
    if (absent) console.warn(`${program} is not installed: what it would check is not checked`);
  }
  return absent;
}

/** The fields that tshark sees, one row a packet; with preferences such as `ip.check_checksum:TRUE`. */
export function tshark(
  path: string,
  fields: readonly string[],
  preferences: readonly string[] = [],
): string[][] {
  const options = preferences.flatMap((preference) => ["-o", preference]);
  const args = ["-r", path, "-n", ...options, "-T", "fields", ...fields.flatMap((field) => ["-e", field])];
  const output = execFileSync("tshark", args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    maxBuffer: 1 << 28,
  });
  return output
    .split("\n")
    .slice(0, -1)
    .map((line) => line.split("\t"));
}
