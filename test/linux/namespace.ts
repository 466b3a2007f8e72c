// Network namespaces that a test makes and removes, with the links between them. Takes root.

import { execFileSync } from "node:child_process";
import { describe } from "vitest";
import { setSysctls, within } from "../live/namespace.js";
import { lacks } from "../live/requirements.js";

/** `describe` of tests that take root and these programs. */
export function asRoot(name: string, tests: () => void, ...programs: readonly string[]): void {
  describe.skipIf(lacks(...programs))(name, tests);
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

  sysctl(values: Readonly<Record<string, string | number>>): void {
    setSysctls(this.name, values);
  }

  /** Sockets that `work` opens are of this namespace for good. */
  inside<T>(work: () => T): T {
    return within(this.name, work);
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
