// spangate doctor: what of this machine keeps a gateway from running, or from running well, and the commands that mend it.

import type { Command } from "commander";
import type { Finding } from "../doctor/index.js";
import type { Paint } from "../explain/index.js";

const EXAMPLES = `
Examples:
  $ sudo spangate doctor gateway.yaml
        everything that this configuration takes
  $ sudo spangate doctor
        the machine alone
  $ sudo spangate doctor gateway.yaml --no-unit
        for a gateway that is started by hand, where spangate.service is installed, too
  $ sudo spangate doctor gateway.yaml --json | jq -r '.findings[].mend // empty'
        the commands that mend what is wrong

What a gateway may do, lock, open and write is looked at in its systemd unit, where there is one, and else in this shell.
It changes nothing.

Exit code: 0 nothing is bad, 1 something is, 2 the configuration has mistakes.`;

export function doctorCommand(command: Command): Command {
  return command
    .description("find what keeps a gateway from running well here, and say what mends it")
    .argument("[FILE]", "the configuration")
    .option("--unit <NAME>", "the systemd unit that starts it (spangate.service, where there is one)")
    .option("--no-unit", "none: it is started from this shell")
    .option("--json", "the findings as one JSON document")
    .addHelpText("after", EXAMPLES)
    .action(doctor);
}

interface Flags {
  readonly json?: boolean;
  /** False with `--no-unit`. */
  readonly unit?: string | boolean;
}

async function doctor(file: string | undefined, flags: Flags): Promise<void> {
  const { loadConfig } = await import("../config/load.js");
  const { koffiFinding } = await import("../doctor/index.js");
  const { paintFor, write } = await import("./terminal.js");
  const config = file === undefined ? undefined : await loadConfig(file, { live: true });
  const running = config?.api === undefined ? undefined : await runningAt(config.api.socket);
  const koffi = koffiFinding();
  const findings =
    koffi.level === "bad"
      ? [koffi]
      : (await import("../doctor/doctor.js")).examine({ config, file, running, unit: flags.unit });
  const isBad = findings.some(({ level }) => level === "bad");
  const text = flags.json
    ? `${JSON.stringify({ file, ok: !isBad, findings }, null, 2)}\n`
    : findings.map((finding) => findingText(finding, paintFor(process.stdout))).join("");
  await write(process.stdout, text);
  if (isBad) process.exitCode = 1;
}

/** The process that answers at a control socket; undefined when none does, or one that may not be asked. */
async function runningAt(socket: string): Promise<number | undefined> {
  const { SpangateError } = await import("../errors.js");
  const { askGateway } = await import("../control/client.js");
  try {
    const { pid } = (await askGateway(socket, "/health")) as { readonly pid: number };
    return pid;
  } catch (error) {
    if (error instanceof SpangateError) return undefined;
    throw error;
  }
}

const CHECK_WIDTH = 15;

function findingText({ check, level, text, mend }: Finding, paint: Paint): string {
  const dress = { ok: paint.quiet, warn: paint.title, bad: paint.bad }[level];
  const line = `${dress(level.padEnd(4))}  ${check.padEnd(CHECK_WIDTH)} ${text}\n`;
  return mend === undefined ? line : `${line}${" ".repeat(6 + CHECK_WIDTH + 1)}$ ${mend}\n`;
}
