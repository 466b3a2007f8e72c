// What strip and decap have in common: progress while they run, then the report, what broke, and the exit code.

import type { Progress, Report } from "../datapath/index.js";
import { reportFailure, say } from "./failures.js";
import { Interruption } from "./interruption.js";
import { ProgressBar } from "./progress.js";
import { type ReportOptions, reportJson } from "./report.js";
import { type ReportStyle, reportStyleFor, write } from "./terminal.js";

/** How the accounts are wanted. */
export interface ReportFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** A run over capture files. */
export interface Run extends ReportOptions {
  readonly command: string;
  readonly inputs: readonly string[];
  readonly flags: ReportFlags;
  /** Packets go to standard output, so the report goes to stderr. */
  readonly toStandardOutput: boolean;
  start(onProgress: (progress: Progress) => void): Promise<Report>;
  text(report: Report, style: ReportStyle): string;
}

/** Runs, reports, and sets the exit code. */
export async function runAndReport(run: Run): Promise<void> {
  const { flags, inputs } = run;
  const interruption = new Interruption(inputs);
  const bar = new ProgressBar(flags.quiet !== true);
  let report: Report;
  try {
    report = await run.start((progress) => {
      interruption.check();
      bar.update(progress);
    });
  } finally {
    bar.clear();
  }
  // Before the report: whoever reads that may be gone already. What an interruption breaks off is no failure of its own.
  if (interruption.exitCode !== undefined) process.exitCode = interruption.exitCode;
  else if (report.failure !== undefined) process.exitCode = reportFailure(report.failure);
  const stream = run.toStandardOutput ? process.stderr : process.stdout;
  if (flags.json) await write(stream, reportJson(run.command, report, run));
  else if (!flags.quiet) await write(stream, run.text(report, reportStyleFor(stream)));

  if (interruption.exitCode !== undefined) {
    say("interrupted; what was read until then is written and counted");
    process.exit(interruption.exitCode);
  }
}
