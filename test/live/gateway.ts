// The gateway itself in a laboratory: `spangate run` in its namespace, and what it says at the end.

import { chmodSync, chownSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished } from "vitest";
import { type Asked, askGateway } from "../../src/control/client.js";
import type { Session, SnifferAccounts } from "../../src/engine/index.js";
import type { Lab } from "./lab.js";
import type { Running } from "./running.js";
import { until } from "./until.js";

const PROGRAM = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));

let gateways = 0;

/** What `run --json` prints at the end, as far as tests ask. */
export interface Balance {
  readonly received: number;
  readonly delivered: number;
  readonly reassembled: number;
  readonly held: number;
  readonly drops: number;
  readonly holds: boolean;
  readonly counters: Readonly<Record<string, number>>;
  readonly workers: readonly Readonly<Record<string, number>>[];
  readonly kernel: Readonly<Record<string, number>>;
  readonly sniffers: Readonly<Record<string, SnifferAccounts>>;
  readonly sessions: readonly Session[];
  readonly sessionCount: number;
  readonly notes: readonly string[];
  readonly quarantine?: SnifferAccounts;
  readonly map: { readonly generation: number; readonly workers: readonly number[] };
}

export interface StartOptions {
  /** Of `run`. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** As an ordinary user. */
  readonly unprivileged?: boolean;
}

const NOBODY = 65_534;
/** An ordinary user, who can never be anybody else. */
const AS_NOBODY =
  `--reuid ${NOBODY} --regid ${NOBODY} --clear-groups --inh-caps=-all --bounding-set=-all`.split(" ");

/** gateway.yaml as JSON can say it. */
export interface GatewayObject {
  readonly api?: object & { readonly socket?: string };
  readonly [key: string]: unknown;
}

/** `spangate run` with its configuration in a folder of its own. */
export function gatewayCommand(
  lab: Lab,
  config: GatewayObject,
  { flags = [], unprivileged = false }: Omit<StartOptions, "env"> = {},
): { command: string; args: string[]; socket: string; file: string } {
  const folder = join(lab.directory, `gateway-${++gateways}`);
  mkdirSync(folder);
  if (unprivileged) {
    chmodSync(lab.directory, 0o711);
    chownSync(folder, NOBODY, NOBODY);
  }
  const [file, socket] = [join(folder, "gateway.yaml"), config.api?.socket ?? join(folder, "api.sock")];
  writeFileSync(file, JSON.stringify({ api: { socket }, ...config }));
  const program = ["node", PROGRAM, "run", file, "--json", ...flags];
  const [command, ...args] = unprivileged ? ["setpriv", ...AS_NOBODY, ...program] : program;
  return { command: command!, args, socket, file };
}

export class Gateway {
  private constructor(
    readonly process: Running,
    /** How it receives, in its own words. */
    readonly description: string,
    /** Its control socket. */
    readonly socket: string,
    /** Its configuration. */
    readonly file: string,
  ) {}

  /** @param config gateway.yaml as JSON can say it; the control socket is added, if it is not in it */
  static async start(
    lab: Lab,
    namespace: string,
    config: GatewayObject,
    { env = {}, ...options }: StartOptions = {},
  ): Promise<Gateway> {
    const { command, args, socket, file } = gatewayCommand(lab, config, options);
    const process = await lab.start(namespace, command, args, { ready: /spangate: ready: .*\n/, env });
    return new Gateway(process, /ready: (.*)/.exec(process.output)![1]!, socket, file);
  }

  /** As `start`; it ends with the test, whatever comes of that. */
  static async forTest(...how: Parameters<typeof Gateway.start>): Promise<Gateway> {
    const gateway = await Gateway.start(...how);
    onTestFinished(async () => {
      await gateway.process.stop();
    });
    return gateway;
  }

  /** What its control API answers. */
  ask(path: string, asked?: Asked): Promise<unknown> {
    return askGateway(this.socket, path, asked);
  }

  /** Puts another configuration into the place of its file. */
  rewrite(config: object): void {
    writeFileSync(`${this.file}.new`, JSON.stringify({ api: { socket: this.socket }, ...config }));
    renameSync(`${this.file}.new`, this.file);
  }

  /** What it says of itself now. */
  async status(): Promise<Balance> {
    return (await askGateway(this.socket, "/status")) as Balance;
  }

  /** Waits until it has counted so many packets. */
  async has({ received }: { readonly received: number }): Promise<Balance> {
    let last: Balance | undefined;
    const counted = async () => {
      last = await this.status();
      return last.received >= received ? last : undefined;
    };
    return await until(counted, () => `${received} packets in ${JSON.stringify(last)}`);
  }

  /** Ends it in order. What it says has to balance. */
  async stop(): Promise<Balance> {
    this.process.kill("SIGTERM");
    return await this.end();
  }

  /** Waits until it has ended in order by itself. What it says has to balance. */
  async end(): Promise<Balance> {
    const late = AbortSignal.timeout(15_000);
    late.addEventListener("abort", () => this.process.kill("SIGKILL"));
    const ending = await this.process.ended;
    expect(ending, this.process.output).toEqual({ code: 0, signal: null });
    const balance = JSON.parse(this.process.stdout) as Balance;
    expectBalance(balance);
    return balance;
  }
}

/** What the gateway behind a control socket says of how it is, also when it is not running. */
export async function health(socketPath: string): Promise<{ state: string }> {
  return await new Promise((resolve, reject) => {
    get({ socketPath, path: "/health" }, (response) => {
      response.setEncoding("utf8").on("data", (text: string) => resolve(JSON.parse(text)));
    }).on("error", reject);
  });
}

/** What the gateway behind a control socket answers, as text. */
export async function textOf(socketPath: string, path: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    get({ socketPath, path, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
      });
      response.on("end", () => resolve(text));
    }).on("error", reject);
  });
}

/** DESIGN's equations. */
export function expectBalance(balance: Balance): void {
  const { received, delivered, reassembled, held, drops } = balance;
  expect(received).toBe(delivered + reassembled + held + drops);
  const { quarantine } = balance;
  if (quarantine !== undefined) expect(quarantine.offered).toBe(balance.counters.unmapped);
  const accounts = { ...balance.sniffers, ...(quarantine && { quarantine }) };
  for (const [name, sniffer] of Object.entries(accounts)) {
    const { sent, tooLarge, rate, droppedNewest, droppedOldest, sendError, queued, inFlight } = sniffer;
    const fates = sent + tooLarge + rate + droppedNewest + droppedOldest + sendError + queued + inFlight;
    expect(sniffer.offered, name).toBe(fates);
  }
}
