// A headless Chromium, spoken to over a pipe (--remote-debugging-pipe: JSON, a zero byte after each message): needs neither a
// port nor a library. Protocol: https://chromedevtools.github.io/devtools-protocol/

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

interface Message {
  readonly id?: number;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--remote-debugging-pipe",
  "--no-first-run",
];
const PATIENCE = 30_000;

/** One browser with one page. */
export class Chromium {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #waiting = new Map<number, (message: Message) => void>();
  #last = 0;
  #session: string | undefined;

  private constructor(profile: string) {
    this.#profile = profile;
    this.#process = spawn("chromium", [...ARGUMENTS, `--user-data-dir=${profile}`], {
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
      detached: true, // a group of its own, to be ended with its children
    });
    let rest = "";
    (this.#process.stdio[4] as Readable).setEncoding("utf8").on("data", (text: string) => {
      const messages = (rest + text).split("\0");
      rest = messages.pop()!;
      for (const message of messages) this.#receive(JSON.parse(message));
    });
  }

  /** Starts it and opens `url`. */
  static async open(url: string): Promise<Chromium> {
    const browser = new Chromium(mkdtempSync(join(tmpdir(), "spangate-chromium-")));
    const { targetId } = await browser.#call("Target.createTarget", { url });
    const { sessionId } = await browser.#call("Target.attachToTarget", { targetId, flatten: true });
    browser.#session = sessionId as string;
    return browser;
  }

  /** The value of an expression in the page; of a promise, what it resolves to. */
  async evaluate(expression: string): Promise<unknown> {
    const answer = await this.#call("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    const { result, exceptionDetails } = answer as {
      result: { value?: unknown };
      exceptionDetails?: { exception?: { description?: string } };
    };
    if (exceptionDetails !== undefined)
      throw new Error(exceptionDetails.exception?.description ?? "an exception in the page");
    return result.value;
  }

  /** The value of an expression as soon as it is neither false nor empty. */
  async until(expression: string): Promise<unknown> {
    const end = Date.now() + PATIENCE;
    for (;;) {
      const value = await this.evaluate(expression);
      if (value) return value;
      if (Date.now() > end) throw new Error(`${expression} is ${JSON.stringify(value)} after ${PATIENCE} ms`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Gives a file to an `<input type="file">`, as a user would. */
  async giveFile(selector: string, path: string): Promise<void> {
    const { root } = (await this.#call("DOM.getDocument")) as { root: { nodeId: number } };
    const { nodeId } = await this.#call("DOM.querySelector", { nodeId: root.nodeId, selector });
    await this.#call("DOM.setFileInputFiles", { files: [path], nodeId });
  }

  async close(): Promise<void> {
    const gone = new Promise((resolve) => this.#process.once("exit", resolve));
    process.kill(-this.#process.pid!, "SIGKILL");
    await gone;
    // Those of the group that are about to end still write to it.
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  #call(method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const id = ++this.#last;
    const session = this.#session === undefined ? {} : { sessionId: this.#session };
    (this.#process.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    return new Promise((resolve, reject) => {
      const failed = (error: Error) => reject(error);
      this.#process.once("error", failed);
      this.#waiting.set(id, ({ result, error }) => {
        this.#process.off("error", failed);
        if (error === undefined) resolve(result!);
        else reject(new Error(`${method}: ${error.message}`));
      });
    });
  }

  #receive(message: Message): void {
    if (message.id === undefined) return; // an event
    this.#waiting.get(message.id)?.(message);
    this.#waiting.delete(message.id);
  }
}
