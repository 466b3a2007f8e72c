// The built command, run as its users run it.

import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";

export const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
export const FIXTURES = fileURLToPath(new URL("../fixtures/", import.meta.url));
export const DEMO = `${FIXTURES}demo-mixed.pcap`;
export const DEMO_MAP = `${FIXTURES}demo-mixed.yaml`;

/** What a finished command left. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `spangate` with these arguments; `input` is its standard input. */
export function spangate(
  args: readonly string[],
  { input, env }: { readonly input?: Uint8Array; readonly env?: Record<string, string> } = {},
): Promise<Finished> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [MAIN, ...args],
      { maxBuffer: 1 << 28, env: { ...process.env, ...env } },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : (child.exitCode ?? null), stdout, stderr });
      },
    );
    child.stdin!.end(input);
  });
}

/** Starts `spangate` in a shell, for pipes and signals. */
export function shell(script: string): Promise<Finished> {
  return new Promise((resolve) => {
    const child = spawn("bash", ["-c", script], { env: { ...process.env, NODE: process.execPath, MAIN } });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data) => {
      stdout += data;
    });
    child.stderr.on("data", (data) => {
      stderr += data;
    });
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

/** A folder of the test file's own, removed when it is done. */
export function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "spangate-cli-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  return folder;
}
