// spangate run: the live gateway.

import type { Command } from "commander";
import { reportFailure, say } from "./failures.js";

const EXAMPLES = `
Examples:
  $ sudo spangate run gateway.yaml
        until SIGTERM or Ctrl-C; then what is queued goes out, and the balance is printed
  $ sudo spangate run gateway.yaml --json | jq .total
        the balance for a program

Exit code: 0 ended in order, 1 broken off, 2 the configuration has mistakes.`;

export function runCommand(command: Command): Command {
  return command
    .description("receive mirrored traffic live and send each tenant's packets to its sniffers")
    .argument("<FILE>", "the configuration")
    .option("--json", "the balance as one JSON document")
    .option("-q, --quiet", "say nothing but what is wrong")
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(
  file: string,
  flags: { readonly json?: boolean; readonly quiet?: boolean },
): Promise<void> {
  const { loadConfig } = await import("../config/load.js");
  const { LiveGateway } = await import("../datapath/live.js");
  const { balanceJson, balanceText } = await import("./balance.js");
  const { reportStyleFor, write } = await import("./terminal.js");
  const config = await loadConfig(file, { live: true });
  const asked = signalled();
  const gateway = await LiveGateway.start(config);
  if (!flags.quiet) say(`ready: ${gateway.description}`);
  for (const to of gateway.unreachable) say(`${to} does not answer yet: what is for it is a send-error`);
  gateway.follow((error) => reportFailure(error));
  await Promise.race([asked, gateway.broken]);
  const status = await gateway.stop();
  if (flags.json) await write(process.stdout, balanceJson(status));
  else if (!flags.quiet) await write(process.stdout, balanceText(status, reportStyleFor(process.stdout)));
}

/** When somebody asks the gateway to end. A second time ends it at once. */
function signalled(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143 })) {
      process.on(signal, () => {
        if (asked) process.exit(code);
        asked = true;
        resolve();
      });
    }
  });
}
