// The commands and their flags. Only commander is loaded with them; each command loads what it needs when it runs.

import { Command } from "commander";
import { VERSION } from "../version.js";
import { checkCommand } from "./check.js";
import { decapCommand } from "./decap.js";
import { doctorCommand } from "./doctor.js";
import { explainCommand } from "./explain.js";
import { reportFailure, sayUsage } from "./failures.js";
import { applyCommand, diffCommand } from "./map-request.js";
import { runCommand } from "./run.js";
import { schemaCommand } from "./schema.js";
import { statusCommand } from "./status.js";
import { stripCommand } from "./strip.js";
import { tailCommand } from "./tail.js";
import { topCommand } from "./top.js";

const EXAMPLES = `
Examples:
  $ spangate strip mirror.pcap -w clean.pcapng
  $ spangate decap mirror.pcap --config gateway.yaml --out tenants
  $ spangate explain mirror.pcap --config gateway.yaml --packet 42
  $ spangate check gateway.yaml
  $ sudo spangate doctor gateway.yaml
  $ sudo spangate run gateway.yaml
  $ spangate top

spangate COMMAND --help tells more of a command.`;

function program(): Command {
  const spangate = new Command("spangate")
    .description("Takes mirrored traffic out of its tunnels and gives each tenant its own packets.")
    .version(VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand(false)
    .showHelpAfterError("(--help tells what can be written)")
    .configureOutput({ outputError: sayUsage })
    // The words to choose from stand in the flag itself.
    .configureHelp({ optionDescription: ({ description }) => description })
    .exitOverride()
    .addHelpText("after", EXAMPLES);
  // Subcommands made with .command() inherit the settings above.
  runCommand(spangate.command("run"));
  statusCommand(spangate.command("status"));
  topCommand(spangate.command("top"));
  tailCommand(spangate.command("tail"));
  diffCommand(spangate.command("diff"));
  applyCommand(spangate.command("apply"));
  stripCommand(spangate.command("strip"));
  decapCommand(spangate.command("decap"));
  explainCommand(spangate.command("explain"));
  checkCommand(spangate.command("check"));
  doctorCommand(spangate.command("doctor"));
  schemaCommand(spangate.command("schema"));
  return spangate;
}

/** Runs the command that the arguments name. Gives the exit code when it failed; a command may have set another. */
export async function run(): Promise<number | undefined> {
  try {
    await program().parseAsync();
    return undefined;
  } catch (error) {
    return reportFailure(error);
  }
}
