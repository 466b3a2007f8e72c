// spangate run: the live gateway.

import { accessSync, constants } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import { type Command, Option } from "commander";
import type { StatusDocument } from "../control/status.js";
import type { LiveGateway, MapInForce } from "../datapath/live.js";
import type { SnifferAccounts } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import type { SampleExplainer } from "../explain/index.js";
import { LEVELS } from "../telemetry/events.js";
import { reportFailure } from "./failures.js";
import { onInterruption } from "./interruption.js";
import type { CaptureFlags, LiveCaptures } from "./live-captures.js";
import { type EventLog, FORMS, type LogFlags, openLog } from "./log.js";
import { speed } from "./values.js";

const EXAMPLES = `
Examples:
  $ sudo spangate run gateway.yaml
        until SIGTERM or Ctrl-C; then what is queued goes out, and the balance is printed
  $ sudo spangate run gateway.yaml --json > balance.json
        the balance for a program
  $ spangate top
        meanwhile, with \`api\` in the configuration: what it does now
  $ spangate run gateway.yaml --replay mirror.pcapng --record out.pcapng
        a capture in place of the tunnel's interface, another in place of the delivery's: no privilege, no network
  $ sudo spangate run gateway.yaml --replay mirror.pcapng --speed 2
        twice as fast as it was recorded; what goes out goes to the sniffers
  $ sudo spangate run gateway.yaml --replace
        with another configuration or version, in the place of the gateway that runs

With --quiet --log-level info it logs, and the balance is in the log's last record alone: so the systemd unit has it.
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
    .option("--replace", "take the place of the gateway that answers at `api.socket`, if one does")
    .option("--json", "the balance as one JSON document")
    .option("-q, --quiet", "say nothing but what is wrong, and print no balance")
    .addOption(
      new Option(
        "--log <FORM>",
        "text, or json: a record a line (text at a terminal, else json; or what SPANGATE_LOG says)",
      )
        .choices(FORMS)
        .env("SPANGATE_LOG"),
    )
    .addOption(
      new Option(
        "--log-level <LEVEL>",
        `tell of ${LEVELS.join(", ")} and worse (info, with --quiet warn)`,
      ).choices(LEVELS),
    )
    .addHelpText("after", EXAMPLES)
    .action(run);
}

interface Flags extends CaptureFlags, LogFlags {
  readonly replace?: boolean;
  readonly json?: boolean;
}

/** When a worker has broken: what the others have queued goes out meanwhile, in milliseconds. */
const BROKEN_DEADLINE = 500;
/** When another gateway has taken over: it waits for the queues, and what comes in waits meanwhile. */
const REPLACED_DEADLINE = 100;
/** How long that gateway may take to let the control API's port go, in milliseconds. */
const PORT_PATIENCE = 2000;

async function run(file: string, flags: Flags): Promise<void> {
  const log = await openLog(flags);
  // Everything that is used later: the user that the gateway becomes may not be allowed to read it.
  const { loadWritten } = await import("../config/load.js");
  const { ControlServer } = await import("../control/server.js");
  const { meetPredecessor } = await import("../control/predecessor.js");
  const { Supervised } = await import("../control/supervised.js");
  const { statusDocument } = await import("../control/status.js");
  const { LiveGateway } = await import("../datapath/live.js");
  const { LiveMapping } = await import("../control/live-mapping.js");
  const { differenceLines } = await import("../config/difference.js");
  const { Reload } = await import("./reload.js");
  const { LiveCaptures } = await import("./live-captures.js");
  const { assertSealable, assertSealed, becomeUser, findUser, peerOf, seal } = await import(
    "../linux/index.js"
  );
  const { managerOf } = await import("./service.js");
  const { takeoverText } = await import("./takeover.js");
  const { balanceJson, balanceText } = await import("./balance.js");
  const { reportStyleFor, write } = await import("./terminal.js");

  const { replay, record } = flags;
  log.event("STARTING", `starting with ${file}`, { file });
  await checkFlags(flags);
  const sides = { replay: replay !== undefined, record: record !== undefined };
  const purpose = { live: true, ...sides } as const;
  const loaded = await loadWritten(file, purpose);
  const { config } = loaded;
  const { api, metrics, user, sealed } = config;
  if (flags.replace && api === undefined) {
    const message =
      "--replace finds the other gateway by its control socket: write `api: {}` into the configuration.";
    throw new SpangateError("USAGE", message);
  }
  const owner = user === undefined ? undefined : findUser(user);
  if (sealed) assertSealable(user);
  const asked = new Promise<void>((resolve) => {
    onInterruption(() => resolve());
  });
  const manager = managerOf(process.env);
  const reload = new Reload({ file, purpose, log: log.event, manager });
  const supervised = new Supervised({ explainerFor, log: log.event });
  const other = flags.replace && api !== undefined ? await meetPredecessor(api.socket) : undefined;
  // First, so that of two gateways the second touches no interface.
  const control =
    api &&
    (await ControlServer.prepare(supervised, api, {
      owner,
      isSuccessor: other !== undefined,
      series: metrics.series,
      peerOf,
      tails: () => supervised.tails,
      ...(log.tells("debug") && { log: log.event }),
    }));
  let captures: LiveCaptures | undefined;
  try {
    if (other === undefined) {
      control?.takeName();
      await control?.listenByTcp();
    } else {
      // Not in the moment in which workers have to catch up.
      await control?.load();
    }
    captures = await LiveCaptures.open(flags);
    const gateway = await LiveGateway.start(config, {
      memory: {
        tunnel: replay && `replay of ${replay === "-" ? "standard input" : replay}`,
        delivery: record && `recording into ${record === "-" ? "standard output" : record}`,
      },
      beforeWork: async () => {
        await captures?.begin();
        if (user !== undefined) {
          becomeUser(user);
          assertReadable(user);
        }
        if (sealed) seal();
      },
      predecessor: other && {
        ...other,
        letGo: async () => {
          const last = await other.letGo();
          control?.takeName();
          return last;
        },
      },
    });
    const mapping = new LiveMapping(gateway, loaded, purpose, ({ generation, difference }, by) => {
      const lines = [`map ${generation} is in force, by ${by}`, ...differenceLines(difference)];
      log.event("MAP_CHANGED", lines.join("\n  "), { generation, by, difference });
    });
    supervised.started(gateway, mapping);
    let failure: unknown;
    let deadline: number | undefined;
    const whenReplaced = () => {
      deadline = REPLACED_DEADLINE;
      control?.letGo();
      log.event("REPLACED", "another gateway has taken over");
    };
    try {
      if (!gateway.receivesOnMain) giveWay();
      if (sealed) assertSealed();
      tellReady(gateway, log);
      const { tookOver } = gateway;
      if (other !== undefined && tookOver !== undefined) {
        log.event("TOOK_OVER", takeoverText(other, tookOver), { from: other.pid, ...tookOver });
        // It forwards already, whatever becomes of this.
        await control?.listenByTcp(PORT_PATIENCE).catch(reportFailure);
      }
      manager?.ready(gateway.description, () => gateway.isMoving);
      follow(gateway, log);
      await reload.attach(mapping);
      await control?.load();
      await Promise.race([
        asked,
        gateway.broken,
        supervised.replaced.then(whenReplaced),
        captures.run(gateway),
      ]);
    } catch (error) {
      failure = error;
    }
    reload.close();
    captures.stopReplay();
    log.event("DRAINING", "draining: nothing comes in any more, what is queued goes out");
    manager?.stopping("what is queued goes out");
    const status = await supervised.stop(failure === undefined ? deadline : BROKEN_DEADLINE);
    failure ??= gateway.failure;
    if (gateway.left !== undefined) log.event("LEFT", gateway.left);
    await captures.close().catch((error: unknown) => {
      failure ??= error;
    });
    const document = statusDocument(status);
    // Frames go to standard output, so the balance goes to stderr.
    const stream = record === "-" ? process.stderr : process.stdout;
    if (flags.json) await write(stream, balanceJson(document));
    else if (!flags.quiet) await write(stream, balanceText(document, reportStyleFor(stream)));
    log.event("ENDED", "ended", { balance: balanceRecord(document) });
    if (failure !== undefined) throw failure;
  } finally {
    await captures?.close().catch(() => {}); // what became of it is said
    await control?.close();
  }
}

/** Loaded when somebody looks at packets. */
async function explainerFor(map: MapInForce): Promise<SampleExplainer> {
  const { explainerFor } = await import("./sample-explainer.js");
  return await explainerFor(map);
}

function tellReady(gateway: LiveGateway, log: EventLog): void {
  const { description, notes, absent } = gateway;
  const { receive, send, map } = gateway.readings();
  const ready = `ready: ${[description, ...notes].join("; ")}`;
  log.event("READY", ready, { receive, send, generation: map.generation, workers: map.workers.length });
  // People have just read the notes.
  const isSaid = log.form === "text" && log.tells("info");
  for (const note of [...(isSaid ? [] : notes), ...absent]) log.event("NOTE", note);
}

function follow(gateway: LiveGateway, log: EventLog): void {
  gateway.follow({
    failed: (error) => reportFailure(error),
    told: (text) => log.event("NOTE", text),
    mapChanged: (generation) => {
      const { tenants, sniffers } = gateway.mapInForce.config;
      const sizes = { tenants: tenants.length, sniffers: sniffers.length };
      log.event("MAP_IN_FORCE", `tenant map ${generation} is in force`, { generation, ...sizes });
    },
    linkChanged: (name, running) => {
      if (running) log.event("INTERFACE_UP", `${name} is up again`, { interface: name });
      else log.event("INTERFACE_DOWN", `${name} is down`, { interface: name });
    },
  });
}

/** Sniffers whose accounts are in the record. */
const MOST_TOLD = 20;

/** One record, however many sniffers and sessions there are: of sniffers those that missed most have their accounts in it. */
function balanceRecord(document: StatusDocument): object {
  const { sniffers, sessions: _, workers, tenants, queues: __, notes: ___, ...whole } = document;
  const total: Record<string, number> = {};
  const missed = ([, { offered, sent }]: [string, SnifferAccounts]) => offered - sent;
  const missing = Object.entries(sniffers)
    .filter((each) => missed(each) > 0)
    .sort((a, b) => missed(b) - missed(a));
  for (const accounts of Object.values(sniffers))
    for (const [name, count] of Object.entries(accounts)) total[name] = (total[name] ?? 0) + count;
  return {
    ...whole,
    workers: workers.length,
    tenants: Object.keys(tenants).length,
    sniffers: {
      count: Object.keys(sniffers).length,
      ...total,
      missing: Object.fromEntries(missing.slice(0, MOST_TOLD)),
    },
  };
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
async function checkFlags({ replay, speed, record, replace }: Flags): Promise<void> {
  if (replace && (replay !== undefined || record !== undefined))
    throw new SpangateError("USAGE", "--replace takes over interfaces: leave out --replay and --record.");
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
