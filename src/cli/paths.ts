// Asked before anything is created: whether inputs can be read, and outputs are in nobody's way.

import { access, constants, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { SpangateError } from "../errors.js";

/** Throws `IO_FAILED` when a capture cannot be read or is a directory. */
export async function checkReadable(inputs: readonly string[]): Promise<void> {
  for (const input of inputs) {
    if (input === "-") continue;
    try {
      await access(input, constants.R_OK);
      if ((await stat(input)).isDirectory()) throw new Error("it is a directory");
    } catch (cause) {
      throw new SpangateError("IO_FAILED", `cannot read ${input}: ${(cause as Error).message}`, {
        cause,
        details: { file: input },
      });
    }
  }
}

/**
 * Throws `USAGE` when inputs or outputs are in each other's way, `IO_FAILED` when an input cannot be read. Asked before
 * an output is created, so that a mistyped input does not empty one.
 */
export async function checkPaths(inputs: readonly string[], outputs: readonly string[]): Promise<void> {
  if (inputs.filter((path) => path === "-").length > 1) {
    throw new SpangateError("USAGE", "standard input (-) can be read only once");
  }
  if (outputs.includes("-") && process.stdout.isTTY === true) {
    throw new SpangateError("USAGE", "standard output is a terminal; redirect it, or name a file");
  }
  await checkReadable(inputs);
  const read = new Map<string, string>();
  for (const input of inputs) {
    const identity = await identityOf(input);
    if (identity !== undefined) read.set(identity, input);
  }
  const written = new Set<string>();
  for (const output of outputs) {
    const identity = await identityOf(output);
    if (identity !== undefined && read.has(identity)) {
      throw new SpangateError(
        "USAGE",
        `${output} would be written over, but it is read from (${read.get(identity)})`,
      );
    }
    const name = identity ?? resolve(output);
    if (written.has(name)) throw new SpangateError("USAGE", `${output} would be written twice`);
    written.add(name);
  }
}

/** Of a regular file: devices and pipes can be read and written at once. */
async function identityOf(path: string): Promise<string | undefined> {
  if (path === "-") return undefined;
  const status = await stat(path).catch(() => undefined);
  return status?.isFile() ? `${status.dev}:${status.ino}` : undefined;
}
