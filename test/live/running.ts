// A process of the laboratory that lives longer than a call: what it says, when it is ready, how it ends.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { pause, until } from "./until.js";

export interface StartOptions {
  /** What it says, to either output, when it is ready. Without it: as soon as it runs. */
  readonly ready?: RegExp;
  readonly timeout?: number;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Running {
  /** Both outputs so far. */
  output = "";
  /** Standard output alone, which may be for programs. */
  stdout = "";
  readonly ended: Promise<Ending>;

  private constructor(
    private readonly child: ChildProcess,
    private readonly what: string,
  ) {
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.output += text;
      this.stdout += text;
    });
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.output += text;
    });
    const closed = once(child, "close");
    closed.catch(() => {}); // not found: `start` says so
    this.ended = once(child, "exit").then(async ([code, signal]) => {
      // What is left of its output; but a grandchild may hold that open.
      await Promise.race([closed, pause(1000)]);
      return { code, signal };
    });
    this.ended.catch(() => {});
  }

  static async start(
    command: string,
    args: readonly string[],
    { ready, timeout = 20_000, env = {} }: StartOptions = {},
  ): Promise<Running> {
    const child = spawn(command, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    const running = new Running(child, [command, ...args].join(" "));
    try {
      await once(child, "spawn");
      if (ready === undefined) return running;
      const isReady = () => {
        if (ready.test(running.output)) return true;
        if (running.isOver) throw new Error(`${running.what} has ended:\n${running.output}`);
        return false;
      };
      await until(isReady, () => `${ready} of ${running.what}, which said:\n${running.output}`, timeout);
      return running;
    } catch (error) {
      await running.stop("SIGKILL");
      throw error;
    }
  }

  get pid(): number {
    return this.child.pid!;
  }

  get isOver(): boolean {
    return this.child.pid === undefined || this.child.exitCode !== null || this.child.signalCode !== null;
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.isOver) this.child.kill(signal);
  }

  /** Ends it, at the deadline by force, and gives how it ended: `signal` is SIGKILL when it had to be forced. */
  async stop(signal: NodeJS.Signals = "SIGTERM", deadline = 5_000): Promise<Ending | undefined> {
    if (this.child.pid === undefined) return undefined;
    this.kill(signal);
    const late = AbortSignal.timeout(deadline);
    late.addEventListener("abort", () => this.kill("SIGKILL"));
    return await this.ended;
  }
}
