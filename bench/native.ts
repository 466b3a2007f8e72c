// The yardstick in C as a process: compiled when there is a compiler, told what to do line by line.

import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Contender, Results, Scenario } from "./race.js";
import { writeScenario } from "./workload-file.js";

/** Packet by packet; or first as far as it takes to know which memory the rest will want, and then the rest. */
export type Passes = "one-pass" | "two-pass";

const FLAGS = ["-std=gnu11", "-O3", "-march=native"];

/** A compiled yardstick, until `remove`. */
export interface Compiled {
  readonly path: string;
  /** `cc (Debian 12.2.0) 12.2.0 -O3 -march=native` */
  readonly compiler: string;
  remove(): void;
}

/**
 * Compiles the yardstick with $CC or cc. Undefined when there is no compiler.
 *
 * Throws when there is one and it fails.
 */
export function compileYardstick(flags: readonly string[] = FLAGS): Compiled | undefined {
  const compiler = process.env.CC ?? "cc";
  const version = spawnSync(compiler, ["--version"], { encoding: "utf8" });
  if (version.error !== undefined || version.status !== 0) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "spangate-yardstick-"));
  const path = join(folder, "yardstick");
  const { status, stderr } = spawnSync(compiler, [...flags, "-o", path, sourceFile()], { encoding: "utf8" });
  if (status !== 0) {
    rmSync(folder, { recursive: true });
    throw new Error(`${compiler} cannot compile the yardstick:\n${stderr}`);
  }
  const remove = () => rmSync(folder, { recursive: true, force: true });
  return { path, compiler: `${version.stdout.split("\n", 1)[0]} ${flags.slice(1).join(" ")}`, remove };
}

/** Beside this file, or, once this file is compiled, in the sources. */
function sourceFile(): string {
  const isCompiled = import.meta.url.endsWith(".js");
  return fileURLToPath(
    new URL(isCompiled ? "../../bench/native/yardstick.c" : "native/yardstick.c", import.meta.url),
  );
}

/** The yardstick at work on a scenario. */
export class Yardstick implements Contender {
  readonly name: string;
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  private constructor(name: string, process: ChildProcessByStdio<Writable, Readable, null>) {
    this.name = name;
    this.#process = process;
    this.#lines = createInterface({ input: process.stdout })[Symbol.asyncIterator]();
  }

  static async start({ path }: Compiled, scenario: Scenario, passes: Passes): Promise<Yardstick> {
    const folder = mkdtempSync(join(tmpdir(), "spangate-scenario-"));
    try {
      const file = join(folder, "scenario");
      writeScenario(file, scenario);
      const process = spawn(path, [file, passes], { stdio: ["pipe", "pipe", "inherit"] });
      await once(process, "spawn");
      const yardstick = new Yardstick(`C, ${passes}`, process);
      await yardstick.#line(); // it has read the file
      return yardstick;
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  async run(rounds: number): Promise<number> {
    return Number(await this.#ask(`rounds ${rounds}`));
  }

  async check(): Promise<Results> {
    return JSON.parse(await this.#ask("check")) as Results;
  }

  /** A round, or what it leaves behind, in lines (bench/native/report.c says of what). */
  async list(what: "packets" | "deliveries" | "sessions"): Promise<string[]> {
    const lines: string[] = [];
    for (let line = await this.#ask(what); line !== "end"; line = await this.#line()) lines.push(line);
    return lines;
  }

  stop(): void {
    this.#process.stdin.end();
  }

  async #ask(question: string): Promise<string> {
    this.#process.stdin.write(`${question}\n`);
    return this.#line();
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("the yardstick has ended");
    return value;
  }
}
