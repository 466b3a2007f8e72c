// `strip` on a capture of a gigabyte against two tools that decapsulate nothing: tcpdump reads and writes it, editcap
// cuts 50 bytes off each packet. In turn, because a machine's speed changes from minute to minute.

import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { benchDirectory, type Capture, makeCapture } from "./capture-file.js";
import { fixed, median, printTable, rate } from "./table.js";

const ROUNDS = 5;
const STARTS = 10;
const COMMAND = fileURLToPath(new URL("../src/cli/main.js", import.meta.url));
const ENGINE = fileURLToPath(new URL("../src/engine/spangate.wasm", import.meta.url));
/** Reports the peak of resident memory; GNU's, not the shell's. */
const GNU_TIME = "/usr/bin/time";

/** A tool on the capture. Peak memory in bytes; absent without GNU time. */
export interface ToolResult {
  readonly tool: string;
  readonly seconds: readonly number[];
  readonly packetsPerSecond: number;
  readonly peakBytes?: number;
  /** Packets a second of strip over those of this tool, by round. */
  readonly stripTo: readonly number[];
  readonly stripToMedian: number;
}

export interface OfflineResults {
  readonly directory: string;
  readonly packets: number;
  readonly bytes: number;
  readonly tools: readonly ToolResult[];
  /** Tools that are not installed here. */
  readonly missing: readonly string[];
  readonly firstPacketMilliseconds: number;
  readonly versionMilliseconds: number;
  readonly engineBytes: number;
}

interface Tool {
  readonly name: string;
  readonly words: readonly string[];
}

interface Run {
  readonly seconds: number;
  readonly peakBytes: number | undefined;
}

/** @param keep leaves the capture for the next time */
export async function benchOffline(keep: boolean): Promise<OfflineResults> {
  if (!existsSync(COMMAND)) throw new Error(`${COMMAND} is missing: npm run build`);
  const directory = benchDirectory();
  const capture = makeCapture(directory);
  const output = join(directory, "out");
  try {
    const all: Tool[] = [
      { name: "strip", words: [process.execPath, COMMAND, "strip", capture.path, "-w", `${output}.pcapng`] },
      { name: "tcpdump -r -w", words: ["tcpdump", "-r", capture.path, "-w", `${output}.pcap`] },
      { name: "editcap -C 50", words: ["editcap", "-C", "50", capture.path, `${output}.pcapng`] },
    ];
    const tools = all.filter(({ words }) => isInstalled(words[0]!));
    const missing = all.filter((tool) => !tools.includes(tool)).map(({ name }) => name);
    for (const name of missing) console.error(`${name}: not installed here, left out`);
    const runs = await inTurn(tools, capture, directory);
    return {
      directory,
      packets: capture.packets,
      bytes: capture.bytes,
      tools: tools.map(({ name }, i) => result(name, runs[i]!, runs[0]!, capture)),
      missing,
      firstPacketMilliseconds: await medianOf(() => firstPacket(capture)),
      versionMilliseconds: await medianOf(
        async () => (await run([process.execPath, COMMAND, "--version"])).seconds * 1000,
      ),
      engineBytes: statSync(ENGINE).size,
    };
  } finally {
    removeOutputs(directory);
    if (!keep) rmSync(capture.path, { force: true });
  }
}

function isInstalled(program: string): boolean {
  return spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined;
}

/** One round of each tool that does not count, then rounds A B C A B C. Gives the runs of each tool. */
async function inTurn(tools: readonly Tool[], { bytes }: Capture, directory: string): Promise<Run[][]> {
  const runs: Run[][] = tools.map(() => []);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [i, { words }] of tools.entries()) {
      fetchMemory(directory, bytes);
      const done = await run(words);
      removeOutputs(directory);
      if (round > 0) runs[i]!.push(done);
    }
  }
  return runs;
}

/**
 * Writes `bytes` bytes and deletes them. A virtual machine gives the memory of deleted files back to its host within
 * seconds, and having it again costs as much as a run: of several runs, some would find it and some would not.
 */
function fetchMemory(directory: string, bytes: number): void {
  const path = join(directory, "out.memory");
  const zeros = new Uint8Array(4 << 20);
  const file = openSync(path, "w");
  for (let written = 0; written < bytes; written += zeros.length) writeSync(file, zeros);
  closeSync(file);
  rmSync(path);
}

/** Runs a program to its end. Throws when it fails. */
function run(words: readonly string[]): Promise<Run> {
  const timed = existsSync(GNU_TIME) ? [GNU_TIME, "-f", "%M", ...words] : words;
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const child = spawn(timed[0]!, timed.slice(1), { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (text: Buffer) => {
      said += text.toString();
    });
    child.on("error", reject);
    child.on("close", (code) => {
      const seconds = (performance.now() - begin) / 1000;
      if (code !== 0) reject(new Error(`${words.join(" ")}: exit ${code}: ${said}`));
      const kibibytes = timed === words ? undefined : Number(said.trim().split("\n").at(-1));
      resolve({ seconds, peakBytes: kibibytes === undefined ? undefined : kibibytes * 1024 });
    });
  });
}

/** Milliseconds from the start of `strip` until the first packets come out of it. */
function firstPacket({ path }: Capture): Promise<number> {
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const child = spawn(process.execPath, [COMMAND, "strip", path, "-w", "-"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    child.on("error", reject);
    child.on("close", () => reject(new Error("strip wrote nothing")));
    child.stdout.once("data", () => {
      resolve(performance.now() - begin);
      child.kill();
    });
  });
}

async function medianOf(measure: () => Promise<number>): Promise<number> {
  const values: number[] = [];
  for (let i = 0; i < STARTS; i++) values.push(await measure());
  return median(values);
}

function removeOutputs(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (name.startsWith("out")) rmSync(join(directory, name));
  }
}

function result(tool: string, runs: readonly Run[], strip: readonly Run[], { packets }: Capture): ToolResult {
  const seconds = runs.map((run) => run.seconds);
  const stripTo = seconds.map((value, round) => value / strip[round]!.seconds);
  const peaks = runs.map(({ peakBytes }) => peakBytes).filter((peak) => peak !== undefined);
  return {
    tool,
    seconds,
    packetsPerSecond: packets / median(seconds),
    ...(peaks.length === 0 ? {} : { peakBytes: Math.max(...peaks) }),
    stripTo,
    stripToMedian: median(stripTo),
  };
}

export function printOffline(results: OfflineResults): void {
  const { packets, bytes, directory, tools } = results;
  printTable(
    `Capture files (${packets} ERSPAN II packets of 128 bytes, ${fixed(bytes / 1e9, 2)} GB, in ${directory}; medians of ${ROUNDS} rounds in turn)`,
    ["tool", "seconds", "packets", "peak MB", "strip to it", "by round"],
    tools.map(({ tool, seconds, packetsPerSecond, peakBytes, stripTo, stripToMedian }) => [
      tool,
      fixed(median(seconds), 2),
      rate(packetsPerSecond),
      peakBytes === undefined ? "n/a" : fixed(peakBytes / 1e6, 0),
      fixed(stripToMedian, 2),
      stripTo.map((ratio) => fixed(ratio, 2)).join(" "),
    ]),
  );
  printTable(
    `Start and size (medians of ${STARTS})`,
    ["what", "value"],
    [
      ["start to first packet written", `${fixed(results.firstPacketMilliseconds, 0)} ms`],
      ["spangate --version", `${fixed(results.versionMilliseconds, 0)} ms`],
      ["spangate.wasm", `${results.engineBytes} bytes`],
    ],
  );
}
