// The gateway itself in a laboratory: `spangate run` in its namespace, and what it says at the end.

import { writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { askGateway } from "../../src/control/client.js";
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
}

export class Gateway {
  private constructor(
    readonly process: Running,
    /** How it receives, in its own words. */
    readonly description: string,
    /** Its control socket. */
    readonly socket: string,
  ) {}

  /** @param config gateway.yaml as JSON can say it; the control socket is added */
  static async start(lab: Lab, namespace: string, config: object): Promise<Gateway> {
    const name = join(lab.directory, `gateway-${++gateways}`);
    const [file, socket] = [`${name}.yaml`, `${name}.sock`];
    writeFileSync(file, JSON.stringify({ api: { socket }, ...config }));
    const args = [PROGRAM, "run", file, "--json"];
    const process = await lab.start(namespace, "node", args, { ready: /spangate: ready: .*\n/ });
    return new Gateway(process, /ready: (.*)/.exec(process.output)![1]!, socket);
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
    const ending = await this.process.stop("SIGTERM", 15_000);
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

/** DESIGN's equations. */
export function expectBalance(balance: Balance): void {
  const { received, delivered, reassembled, held, drops } = balance;
  expect(received).toBe(delivered + reassembled + held + drops);
  for (const [name, sniffer] of Object.entries(balance.sniffers)) {
    const { sent, tooLarge, rate, droppedNewest, droppedOldest, sendError, queued, inFlight } = sniffer;
    const fates = sent + tooLarge + rate + droppedNewest + droppedOldest + sendError + queued + inFlight;
    expect(sniffer.offered, name).toBe(fates);
  }
}
