// Whether live tests can run here. Where something is missing, they say so aloud and are skipped; with SPANGATE_LIVE=required (CI)
// that is an error.

import { accessSync, constants, existsSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";

const ALWAYS = ["ip", "ethtool", "tcpdump"];
const said = new Set<string>();

/** Whether something is missing: `describe.skipIf(lacks("ovs-vswitchd"))`. */
export function lacks(...programs: readonly string[]): boolean {
  return tell(firstLack([...ALWAYS, ...programs]));
}

/** Whether the package cap is missing, which is optional: it needs libpcap's headers when it is installed. */
export function lacksCap(): boolean {
  try {
    createRequire(import.meta.url)("cap");
    return false;
  } catch {
    return tell("The package cap is not installed (apt-get install libpcap-dev && npm ci)");
  }
}

function tell(lack: string | undefined): boolean {
  if (lack === undefined) return false;
  if (process.env.SPANGATE_LIVE === "required") throw new Error(`Live tests: ${lack}`);
  if (!said.has(lack)) console.warn(`${lack}: what is live is not tested`);
  said.add(lack);
  return true;
}

function firstLack(programs: readonly string[]): string | undefined {
  if (process.platform !== "linux") return "This is not Linux";
  if (process.getuid?.() !== 0) return "Not root";
  if (!existsSync("/proc/self/ns/net")) return "The kernel has no network namespaces";
  const absent = programs.find((program) => !isInstalled(program));
  return absent === undefined ? undefined : `${absent} is not installed`;
}

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
