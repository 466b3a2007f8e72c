// spangate run: the live gateway.

import { accessSync, constants } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { SpangateError } from "../errors.js";
import { reportFailure, say } from "./failures.js";
import { onInterruption } from "./interruption.js";
import type { CaptureFlags, LiveCaptures } from "./live-captures.js";
import { speed } from "./values.js";

const EXAMPLES = `
Examples:
  $ sudo spangate run gateway.yaml
        until SIGTERM or Ctrl-C; then what is queued goes out, and the balance is printed
  $ sudo spangate run gateway.yaml --json > balance.json
        the balance for a program
  $ spangate status --watch
        meanwhile, with \`api\` in the configuration: what it does now
  $ spangate run gateway.yaml --replay mirror.pcapng --record out.pcapng
        a capture in place of the tunnel's interface, another in place of the delivery's: no privilege, no network
  $ sudo spangate run gateway.yaml --replay mirror.pcapng --speed 2
        twice as fast as it was recorded; what goes out goes to the sniffers

A second signal ends it at once.

Exit code: 0 ended in order, 1 broken off, 2 the configuration has mistakes, 130 or 143 by a second signal.`;

export function runCommand(command: Command): Command {
  return command
    .description("receive mirrored traffic live and send each tenant's packets to its sniffers")
    .argument("<FILE>", "the configuration")
    .option(
      "--replay <IN>",
      "take packets from a capture in place of tunnel.interface, and end with it; - is standard input",
    )
    .option(
      "--speed <N>",
      "how many times as fast as recorded, or max: as fast as packets are taken (1)",
      speed,
    )
    .option(
      "--record <OUT>",
      "write what goes out into a .pcapng or .pcap in place of sending it; - is standard output",
    )
    .option("--json", "the balance as one JSON document")
    .option("-q, --quiet", "say nothing but what is wrong")
    .addHelpText("after", EXAMPLES)
    .action(run);
}

interface Flags extends CaptureFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** When a worker has broken: what the others have queued goes out meanwhile, in milliseconds. */
const BROKEN_DEADLINE = 500;

async function run(file: string, flags: Flags): Promise<void> {
  // Everything that is used later: the user that the gateway becomes may not be allowed to read it.
  const { loadConfig } = await import("../config/load.js");
  const { ControlServer } = await import("../control/server.js");
  const { Supervised } = await import("../control/supervised.js");
  const { statusDocument } = await import("../control/status.js");
  const { LiveGateway } = await import("../datapath/live.js");
  const { LiveCaptures } = await import("./live-captures.js");
  const { assertSealable, assertSealed, becomeUser, findUser, seal } = await import("../linux/index.js");
  const { balanceJson, balanceText } = await import("./balance.js");
  const { reportStyleFor, write } = await import("./terminal.js");

  const { replay, record } = flags;
  await checkFlags(flags);
  const sides = { replay: replay !== undefined, record: record !== undefined };
  const config = await loadConfig(file, { live: true, ...sides });
  const { api, user, sealed } = config;
  const owner = user === undefined ? undefined : findUser(user);
  if (sealed) assertSealable(user);
  const asked = new Promise<void>((resolve) => {
    onInterruption(() => resolve());
  });
  const supervised = new Supervised();
  // First, so that of two gateways the second touches no interface.
  const control = api === undefined ? undefined : await ControlServer.listen(supervised, api.socket, owner);
  let captures: LiveCaptures | undefined;
  try {
    captures = await LiveCaptures.open(flags);
    const gateway = await LiveGateway.start(config, {
      memory: {
        tunnel: replay && `replay of ${replay === "-" ? "standard input" : replay}`,
        delivery: record && `recording into ${record === "-" ? "standard output" : record}`,
      },
      beforeThreads: async () => {
        await captures?.begin();
        if (user !== undefined) {
          becomeUser(user);
          assertReadable(user);
        }
        if (sealed) seal();
      },
    });
    supervised.started(gateway);
    let failure: unknown;
    try {
      giveWay();
      if (sealed) assertSealed();
      if (!flags.quiet) say(`ready: ${[gateway.description, ...gateway.notes].join("; ")}`);
      for (const note of [...(flags.quiet ? gateway.notes : []), ...gateway.absent]) say(note);
      gateway.follow({
        failed: (error) => reportFailure(error),
        linkChanged: (name, running) => say(running ? `${name} is up again` : `${name} is down`),
      });
      await Promise.race([asked, gateway.broken, captures.run(gateway)]);
    } catch (error) {
      failure = error;
    }
    captures.stopReplay();
    const status = await supervised.stop(failure === undefined ? undefined : BROKEN_DEADLINE);
    failure ??= gateway.failure;
    if (gateway.left !== undefined) say(gateway.left);
    await captures.close().catch((error: unknown) => {
      failure ??= error;
    });
    const document = statusDocument(status);
    // Frames go to standard output, so the balance goes to stderr.
    const stream = record === "-" ? process.stderr : process.stdout;
    if (flags.json) await write(stream, balanceJson(document));
    else if (!flags.quiet) await write(stream, balanceText(document, reportStyleFor(stream)));
    if (failure !== undefined) throw failure;
  } finally {
    await captures?.close().catch(() => {}); // what became of it is said
    await control?.close();
  }
}

/** Steps of niceness: nine tenths of a processor that both want are a worker's. */
const STEPS = 10;
const LOWEST = 19;

/**
 * The main thread goes behind data-path workers from now on: its garbage collector would take every second slice of some milliseconds
 * from them. Raising the workers instead would put the kernel's own threads behind them, which take what they send.
 */
function giveWay(): void {
  setPriority(Math.min(getPriority() + STEPS, LOWEST));
}

/** Before anything is opened. @throws SpangateError USAGE, IO_FAILED */
async function checkFlags({ replay, speed, record }: Flags): Promise<void> {
  if (speed !== undefined && replay === undefined)
    throw new SpangateError("USAGE", "--speed says how fast --replay is: name a capture to replay.");
  const { formatOf } = await import("../capture/index.js");
  const { checkPaths } = await import("./paths.js");
  if (record !== undefined) formatOf(record);
  await checkPaths(replay === undefined ? [] : [replay], record === undefined ? [] : [record]);
}

/** Workers are about to read what they run. */
function assertReadable(user: string): void {
  const program = fileURLToPath(new URL("../datapath/live-thread.js", import.meta.url));
  try {
    accessSync(program, constants.R_OK);
  } catch (cause) {
    const message = `User ${user} may not read ${program}: install Spangate where everybody may, such as /usr/lib or /opt.`;
    throw new SpangateError("NOT_PERMITTED", message, { cause, details: { user, file: program } });
  }
}
