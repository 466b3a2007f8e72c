// The programs of bench/native/live: compiled into a folder that is removed again, started in namespaces, asked and ended.

import { type ChildProcessByStdio, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Lab } from "./lab.js";
import { whenLeaving } from "./leaving.js";

const FLAGS = ["-std=gnu11", "-O3", "-march=native"];
const NAMES = ["sender", "drop", "sink", "forwarder", "redirector"] as const;
type ProgramName = (typeof NAMES)[number];

export interface SenderReport {
  readonly sent: number;
  readonly nanoseconds: number;
  /** In which it did nothing but wait until the next packets were due. */
  readonly waitedNanoseconds: number;
  readonly rounds: number;
  readonly burst: number;
}

/** Nanoseconds; upper ends of buckets of 256 ns, above 1 ms of 65 us. */
export interface Latency {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly most: number;
}

export interface SinkReport {
  readonly packets: number;
  readonly bytes: number;
  readonly unmarked: number;
  readonly reordered: number;
  readonly sessions: number;
  /** Packets of the sender's. */
  readonly marked: number;
  /** Numbers that are missing below the highest of each session. */
  readonly lost: number;
  readonly latency: Latency;
  /** Packets by the last two bytes of their destination. */
  readonly macs?: Readonly<Record<string, number>>;
  /** When the first of each came: nanoseconds of process.hrtime. */
  readonly firsts?: Readonly<Record<string, number>>;
}

export interface DropReport {
  readonly packets: number;
  readonly bytes: number;
}

export class Programs {
  readonly #folder: string;
  readonly compiler: string;

  private constructor(folder: string, compiler: string) {
    this.#folder = folder;
    this.compiler = compiler;
  }

  /** Compiles with $CC or cc. Throws when that fails. */
  static compile(): Programs {
    const compiler = process.env.CC ?? "cc";
    const folder = mkdtempSync(join(tmpdir(), "spangate-live-"));
    whenLeaving(() => rmSync(folder, { recursive: true, force: true }));
    for (const name of NAMES) {
      const args = [...FLAGS, "-o", join(folder, name), sourceFile(`${name}.c`)];
      const { status, stderr } = spawnSync(compiler, args, { encoding: "utf8" });
      if (status !== 0) throw new Error(`${compiler} cannot compile ${name}.c:\n${stderr}`);
    }
    const version = spawnSync(compiler, ["--version"], { encoding: "utf8" }).stdout.split("\n", 1)[0];
    return new Programs(folder, `${version} ${FLAGS.slice(1).join(" ")}`);
  }

  /** Starts one that works until it is told to end, and waits until it is ready. */
  async start(namespace: string, name: Exclude<ProgramName, "sender">, ...args: string[]): Promise<Service> {
    return Service.start(namespace, join(this.#folder, name), ...args);
  }

  /** Sends, and says what was sent. */
  async send(namespace: string, ...args: string[]): Promise<SenderReport> {
    const words = ["netns", "exec", namespace, join(this.#folder, "sender"), ...args];
    const { stdout } = await promisify(execFile)("ip", words);
    return JSON.parse(stdout) as SenderReport;
  }
}

/** Beside this folder, or, once this file is compiled, in the sources. */
function sourceFile(name: string): string {
  const isCompiled = import.meta.url.endsWith(".js");
  const folder = isCompiled ? "../../../bench/native/live/" : "../native/live/";
  return fileURLToPath(new URL(folder + name, import.meta.url));
}

/**
 * A process that says `ready` in a line of its own, then answers `report` (and maybe `reset`) with a line of JSON, and reports a
 * last time at SIGTERM. Our own contenders can keep to that as well.
 */
export class Service {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: AsyncIterator<string>;
  #complaints = "";

  private constructor([command, ...args]: readonly string[]) {
    this.#process = spawn(command!, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#process.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#complaints += text;
    });
    this.#process.stdin.on("error", () => {}); // its end is seen at the other pipe
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  static async start(namespace: string, path: string, ...args: string[]): Promise<Service> {
    const service = new Service(Lab.begin(namespace, path, ...args));
    const line = await service.#line();
    if (line !== "ready") throw new Error(`${path} says ${line}`);
    return service;
  }

  get pid(): number {
    return this.#process.pid!;
  }

  async ask<Report>(command: "report" | "reset"): Promise<Report> {
    this.#process.stdin.write(`${command}\n`);
    return JSON.parse(await this.#line()) as Report;
  }

  /** Ends it, and gives its last report. */
  async stop<Report>(): Promise<Report> {
    const closed = once(this.#process, "close");
    this.#process.kill("SIGTERM");
    const report = JSON.parse(await this.#line()) as Report;
    await closed;
    return report;
  }

  async #line(): Promise<string> {
    const { done, value } = await this.#lines.next();
    if (done) throw new Error(`${this.#process.spawnargs.join(" ")} ended: ${this.#complaints}`);
    return value;
  }
}
