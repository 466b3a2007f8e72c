// spangate check: every mistake of a configuration at once, or one line that says what is in it.

import type { Command } from "commander";
import type { GatewayConfig } from "../config/schema.js";

const EXAMPLES = `
Examples:
  $ spangate check gateway.yaml
        FILE:LINE:COLUMN PATH: MESSAGE; expected WHAT, a line for each mistake
  $ spangate check gateway.yaml --json | jq '.mistakes[].path'
        the same for a program

Exit code: 0 valid, 1 the file cannot be read, 2 it has mistakes.`;

export function checkCommand(command: Command): Command {
  return command
    .description("check a gateway.yaml and show all of its mistakes")
    .argument("<FILE>", "the configuration")
    .option("--json", "the result as one JSON document")
    .addHelpText("after", EXAMPLES)
    .action(check);
}

async function check(file: string, flags: { readonly json?: boolean }): Promise<void> {
  const { readFile } = await import("node:fs/promises");
  const { SpangateError } = await import("../errors.js");
  const { formatMistakes, parseConfig } = await import("../config/load.js");
  const { write } = await import("./terminal.js");
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new SpangateError("IO_FAILED", `cannot read ${file}: ${(cause as Error).message}`, { cause });
  });
  const { config, mistakes } = parseConfig(text, file);
  if (flags.json) {
    const result = config === undefined ? { mistakes } : contents(config);
    const document = { file, valid: config !== undefined, ...result };
    await write(process.stdout, `${JSON.stringify(document, null, 2)}\n`);
  } else if (config !== undefined) {
    await write(process.stdout, `${file} is valid: ${summary(config)}\n`);
  }
  if (config !== undefined) return;
  process.exitCode = 2;
  if (flags.json) return;
  await write(process.stdout, `${formatMistakes(mistakes)}\n`);
  const { say } = await import("./failures.js");
  say(`${file} has ${plural(mistakes.length, "mistake")} [CONFIG_INVALID]`);
}

function contents({ tenants, sniffers, sharedSources }: GatewayConfig) {
  const identities = tenants.reduce((sum, { sources }) => sum + sources.length, 0);
  return {
    tenants: tenants.length,
    sniffers: sniffers.length,
    identities,
    sharedSources: sharedSources.length,
  };
}

function summary(config: GatewayConfig): string {
  const { tenants, sniffers, identities, sharedSources } = contents(config);
  const shared = sharedSources === 0 ? "" : `, ${plural(sharedSources, "shared source")}`;
  return `${plural(tenants, "tenant")}, ${plural(sniffers, "sniffer")}, ${plural(identities, "identity", "identities")}${shared}`;
}

function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
