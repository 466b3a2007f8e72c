// Network namespaces that a test makes and removes, with the links between them. Takes root.

import { execFileSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import koffi from "koffi";
import { describe } from "vitest";

const isRoot = process.platform === "linux" && process.getuid?.() === 0;
if (!isRoot) {
  const lack = "Only root on Linux can make network namespaces";
  if (process.env.SPANGATE_KERNEL === "required") throw new Error(lack);
  console.warn(`${lack}: what asks the kernel is not tested`);
}

/** `describe` of tests that take root. */
export function asRoot(name: string, tests: () => void): void {
  describe.skipIf(!isRoot)(name, tests);
}

const CLONE_NEWNET = 0x40000000;
let setns: ((fd: number, type: number) => number) | undefined;

/** Moves the calling thread, and with it every socket that it opens; the test runs on the main one. */
function enter(path: string): void {
  setns ??= koffi.load("libc.so.6").func("int setns(int, int)") as (fd: number, type: number) => number;
  const fd = openSync(path, "r");
  try {
    if (setns(fd, CLONE_NEWNET) !== 0) throw new Error(`cannot enter ${path}: errno ${koffi.errno()}`);
  } finally {
    closeSync(fd);
  }
}

export class Namespace {
  static readonly #made: Namespace[] = [];

  private constructor(readonly name: string) {}

  static create(role: string): Namespace {
    const namespace = new Namespace(`spangate-${process.pid}-${role}`);
    execFileSync("ip", ["netns", "add", namespace.name]);
    Namespace.#made.push(namespace);
    namespace.ip("link set lo up");
    return namespace;
  }

  /** For `afterAll`: links go with their namespaces. */
  static removeAll(): void {
    for (const { name } of Namespace.#made.splice(0)) execFileSync("ip", ["netns", "del", name]);
  }

  /** A veth pair between this namespace's `here` and the other's `there`, both up; `options` are of this end. */
  connect(here: string, other: Namespace, there: string, options = ""): void {
    this.ip(`link add ${here} ${options} type veth peer name ${there} netns ${other.name}`);
    this.ip(`link set ${here} up`);
    other.ip(`link set ${there} up`);
  }

  /** One `ip` command, in words. */
  ip(words: string): string {
    return this.run("ip", ...words.split(" ").filter((word) => word !== ""));
  }

  /** Many `ip` commands at once. */
  batch(lines: readonly string[]): void {
    execFileSync("ip", ["-n", this.name, "-batch", "-"], { input: `${lines.join("\n")}\n` });
  }

  run(program: string, ...args: string[]): string {
    return execFileSync("ip", ["netns", "exec", this.name, program, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** Sockets that `work` opens are of this namespace for good. */
  inside<T>(work: () => T): T {
    const own = "/proc/self/ns/net";
    const back = openSync(own, "r");
    enter(`/run/netns/${this.name}`);
    try {
      return work();
    } finally {
      enter(`/proc/self/fd/${back}`);
      closeSync(back);
    }
  }
}

/** Asks again until `found` is there; what follows from an event takes the kernel a moment. */
export async function eventually<T>(ask: () => T | undefined, milliseconds = 5000): Promise<T> {
  for (const end = Date.now() + milliseconds; Date.now() < end; ) {
    const found = ask();
    if (found !== undefined) return found;
    await new Promise((done) => setTimeout(done, 10));
  }
  throw new Error(`it did not come about in ${milliseconds} ms`);
}
