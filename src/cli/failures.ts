// From an error to what stderr says and the exit code: 1 failed while running, 2 wrong usage or configuration.

import { CommanderError } from "commander";
import { SpangateError } from "../errors.js";

/** Says what went wrong, `spangate: MESSAGE [CODE]`, and gives the exit code. */
export function reportFailure(error: unknown): number {
  // Commander has printed its own; help and version are "errors" of code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof SpangateError) {
    const mistakes = error.details.mistakes;
    if (error.code === "CONFIG_INVALID" && Array.isArray(mistakes)) {
      const count = mistakes.length === 1 ? "a mistake" : `${mistakes.length} mistakes`;
      say(`${error.details.file} has ${count} [CONFIG_INVALID]\n${error.message}`);
    } else {
      say(`${error.message} [${error.code}]`);
    }
    return error.exitCode;
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  say(`this is a mistake in spangate itself, please report it: ${detail}`);
  return 1;
}

/** A line on stderr. */
export function say(message: string): void {
  process.stderr.write(`spangate: ${message}\n`);
}

/** Commander's message in our form. */
export function sayUsage(text: string): void {
  say(`${text.replace(/^error: /, "").trim()} [USAGE]`);
}
