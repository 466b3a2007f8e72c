// From an error to what stderr says and the exit code: 1 failed while running, 2 wrong usage or configuration (and 3 of
// `diff`, where nothing went wrong).

import { CommanderError } from "commander";
import { SpangateError } from "../errors.js";

/** An error for programs, beside its message. */
export interface FailureRecord {
  readonly code: string;
  readonly details?: Readonly<Record<string, unknown>>;
  /** Of a mistake in Spangate itself. */
  readonly stack?: string;
}

type Report = (error: unknown, record: FailureRecord) => void;

let report: Report = (error, { code }) => {
  if (!(error instanceof SpangateError)) say(failureText(error));
  else if (hasMistakes(error)) say(mistakesText(error));
  else say(`${failureText(error)} [${code}]`);
};

/** Has errors told of in another form than `spangate: MESSAGE [CODE]`. */
export function reportBy(other: Report): void {
  report = other;
}

/** Says what went wrong, `spangate: MESSAGE [CODE]`, and gives the exit code. */
export function reportFailure(error: unknown): number {
  // Commander has printed its own; help and version are "errors" of code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  report(error, recordOf(error));
  return error instanceof SpangateError ? error.exitCode : 1;
}

/** What went wrong, without its code. */
export function failureText(error: unknown): string {
  if (error instanceof SpangateError) return error.message;
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `this is a mistake in spangate itself, please report it: ${detail}`;
}

function recordOf(error: unknown): FailureRecord {
  if (error instanceof SpangateError) return { code: error.code, details: error.details };
  const stack = error instanceof Error ? error.stack : undefined;
  return { code: "INTERNAL", ...(stack !== undefined && { stack }) };
}

function hasMistakes({ code, details }: SpangateError): boolean {
  return code === "CONFIG_INVALID" && Array.isArray(details.mistakes);
}

function mistakesText({ message, details }: SpangateError): string {
  const { length } = details.mistakes as unknown[];
  const count = length === 1 ? "a mistake" : `${length} mistakes`;
  return `${details.file ?? "the configuration"} has ${count} [CONFIG_INVALID]\n${message}`;
}

/** A line on stderr. */
export function say(message: string): void {
  process.stderr.write(`spangate: ${message}\n`);
}

/** Commander's message in our form. */
export function sayUsage(text: string): void {
  say(`${text.replace(/^error: /, "").trim()} [USAGE]`);
}
