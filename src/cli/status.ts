// spangate status: the accounts of a running gateway, asked over its control socket.

import { type Command, InvalidArgumentError } from "commander";
import { API_SOCKET, STATUS_SESSIONS } from "../config/defaults.js";
import type { StatusDocument } from "../control/status.js";
import { integer } from "./values.js";

const EXAMPLES = `
Examples:
  $ spangate status
        what each sniffer was offered and got, every packet's verdict, mirror sessions
  $ spangate status --json | jq .sniffers
        the same for a program
  $ spangate status --watch
        again every second, with packets a second
  $ spangate status --watch 10 --json
        a document a line

Exit code: 0 answered, 1 no gateway answers.`;

interface Flags {
  readonly socket: string;
  readonly json?: boolean;
  /** Seconds; `true` without a number. */
  readonly watch?: number | true;
  readonly sessions?: number;
}

/** Seconds between two looks. */
const USUAL = 1;
const SHORTEST = 0.1;
const LONGEST = 86_400;
const HOME_AND_CLEAR = "\u001b[H\u001b[J";

export function statusCommand(command: Command): Command {
  return command
    .description("show the accounts of a running gateway")
    .option("--socket <PATH>", "its control socket, `api.socket` of its configuration", API_SOCKET)
    .option("--watch [SECONDS]", "look again and again, and show packets a second", seconds)
    .option(
      "--sessions <N>",
      `list so many mirror sessions, those with most loss first (default: ${STATUS_SESSIONS.listed}, with --json ${STATUS_SESSIONS.usual})`,
      integer(0, STATUS_SESSIONS.most),
    )
    .option(
      "--json",
      "one JSON document, the one that `run --json` prints at the end with all sessions; with --watch a line each time",
    )
    .addHelpText("after", EXAMPLES)
    .action(status);
}

async function status({ socket, json, watch, sessions }: Flags): Promise<void> {
  const { setTimeout } = await import("node:timers/promises");
  const { askGateway } = await import("../control/client.js");
  const { balanceJson, balanceText } = await import("./balance.js");
  const { endOnSignals } = await import("./interruption.js");
  const { ratesBetween } = await import("./rates.js");
  const { reportStyleFor, write } = await import("./terminal.js");
  endOnSignals();
  const path = sessions === undefined ? "/status" : `/status?sessions=${sessions}`;
  const ask = async () => (await askGateway(socket, path)) as StatusDocument;
  const style = reportStyleFor(process.stdout);
  let document = await ask();
  if (watch === undefined) {
    await write(
      process.stdout,
      json ? balanceJson(document) : balanceText(document, style, undefined, sessions),
    );
    return;
  }
  const pause = 1000 * (watch === true ? USUAL : watch);
  let before: StatusDocument | undefined;
  for (;;) {
    const rates = before === undefined ? undefined : ratesBetween(before, document);
    if (json) await write(process.stdout, `${JSON.stringify(document)}\n`);
    else
      await write(process.stdout, page(balanceText(document, style, rates, sessions), process.stdout.isTTY));
    before = document;
    await setTimeout(pause);
    document = await ask();
  }
}

/** On a terminal in place of the one before. */
function page(text: string, onTerminal: boolean): string {
  return onTerminal ? `${HOME_AND_CLEAR}${text}` : `${text}\n`;
}

function seconds(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= SHORTEST && value <= LONGEST) return value;
  throw new InvalidArgumentError(`Expected seconds from ${SHORTEST} to ${LONGEST}.`);
}
