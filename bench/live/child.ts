// Programs of others, which say in their own ways that they have begun and end at a signal.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Lab } from "./lab.js";

/** Whether there is such a command. */
export function isInstalled(command: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${command}`]).status === 0;
}

/** A process in a namespace, and what it has written. */
export class Child {
  readonly #process: ChildProcess;
  #output = "";

  constructor(
    namespace: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ) {
    const [command, ...rest] = Lab.begin(namespace, ...args);
    this.#process = spawn(command!, rest, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...environment },
    });
    for (const pipe of [this.#process.stdout!, this.#process.stderr!]) {
      pipe.setEncoding("utf8").on("data", (text: string) => {
        this.#output = (this.#output + text).slice(-10_000);
      });
    }
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** Waits until `isReady`. Throws when the process ends before, or after so many `seconds`. */
  async until(isReady: (output: string) => boolean, seconds = 10): Promise<void> {
    const end = performance.now() + 1000 * seconds;
    while (!isReady(this.#output)) {
      if (this.#process.exitCode !== null || performance.now() > end) {
        await this.stop();
        throw new Error(`${this.#process.spawnargs.slice(4).join(" ")} does not begin: ${this.#output}`);
      }
      await sleep(50);
    }
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGINT");
    const later = setTimeout(() => this.#process.kill("SIGKILL"), 3000);
    await ended;
    clearTimeout(later);
  }
}
