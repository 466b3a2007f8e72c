// spangate diff and spangate apply: a file's map beside the one of the running gateway.

import { type Command, InvalidArgumentError } from "commander";
import { API_SOCKET } from "../config/defaults.js";
import type { MapChange } from "../control/live-mapping.js";

const DIFF = `
Examples:
  $ spangate diff gateway.yaml
        - tenant, + tenant, ~ tenant: KEYS, a line for each that is different

Exit code: 0 nothing is different, 3 something is, 1 no gateway answers, 2 the file has mistakes.`;

const APPLY = `
Examples:
  $ spangate apply gateway.yaml
        shows what is different, when it is in force on every worker
  $ spangate apply gateway.yaml --generation 3
        only if the map is still the third

Only sniffers, tenants and sharedSources are sent: everything else takes a restart.

Exit code: 0 it is in force, 1 it was refused, or no gateway answers, 2 the file has mistakes.`;

interface Flags {
  readonly socket: string;
  readonly json?: boolean;
  readonly generation?: number;
}

export function diffCommand(command: Command): Command {
  return described(command, "show what of a gateway.yaml is not in force", DIFF).action((file, flags) =>
    request(file, flags, true),
  );
}

export function applyCommand(command: Command): Command {
  return described(command, "put the map of a gateway.yaml in force in the running gateway", APPLY)
    .option("--generation <N>", "only if the map in force is of this generation", generation)
    .action((file, flags) => request(file, flags, false));
}

function described(command: Command, description: string, examples: string): Command {
  return command
    .description(description)
    .argument("<FILE>", "the configuration")
    .option("--socket <PATH>", "the gateway's control socket, `api.socket` of its configuration", API_SOCKET)
    .option("--json", "the answer as one JSON document")
    .addHelpText("after", examples);
}

/** Of `diff`: not one of those that stand for a failure. */
const IS_DIFFERENT = 3;

async function request(file: string, flags: Flags, dryRun: boolean): Promise<void> {
  const { loadWritten } = await import("../config/load.js");
  const { differenceLines, isSameMap } = await import("../config/difference.js");
  const { askGateway } = await import("../control/client.js");
  const { write } = await import("./terminal.js");
  // Of a live gateway: a replay's has no interfaces.
  const { written } = await loadWritten(file, { live: true, replay: true, record: true });
  const { sharedSources, sniffers, tenants } = written;
  const change = (await askGateway(flags.socket, dryRun ? "/map?dryRun=true" : "/map", {
    method: "PUT",
    body: { sharedSources: sharedSources ?? [], sniffers: sniffers ?? [], tenants: tenants ?? [] },
    ...(flags.generation !== undefined && { headers: { "if-match": `"${flags.generation}"` } }),
  })) as MapChange;
  const lines = differenceLines(change.difference);
  const text = lines.length === 0 ? "" : `${lines.join("\n")}\n`;
  await write(process.stdout, flags.json ? `${JSON.stringify(change, null, 2)}\n` : text);
  if (dryRun && !isSameMap(change.difference)) process.exitCode = IS_DIFFERENT;
}

function generation(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a generation, an integer from 1.");
}
