// One contender between a sender and a sink: sends for a while, and says what became of it and what it cost.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { LiveContender, Running } from "./contenders.js";
import { type Processors, readProcessors, since } from "./cpu.js";
import { type LiveFrames, MARK_IN_INNER } from "./frames.js";
import type { Lab } from "./lab.js";
import type { Latency, Programs, SenderReport, Service, SinkReport } from "./programs.js";

/** What to send. */
export interface Load {
  readonly seconds: number;
  /** Packets a second; without it as fast as it goes. */
  readonly rate?: number;
  /** With the time in each packet. */
  readonly stamp?: boolean;
}

export interface Run {
  readonly seconds: number;
  readonly sent: number;
  readonly arrived: number;
  /** Packets a second. */
  readonly offered: number;
  readonly delivered: number;
  /** Seconds of all processors together without the sender's waiting and without processes of others. */
  readonly work: number;
  readonly stolen: number;
  readonly others: number;
  readonly latency?: Latency;
  /** Packets by the last two bytes of their destination. */
  readonly macs: Readonly<Record<string, number>>;
  /** When the first of each came: nanoseconds of process.hrtime. */
  readonly firsts: Readonly<Record<string, number>>;
  /** What the contender says of itself. */
  readonly own: Readonly<Record<string, number>>;
}

export interface LinkOptions {
  /** The sniffer's end counts by destination, too. */
  readonly countsMacs?: boolean;
}

/** What is under way when the sender ends has arrived then. */
const LAST_PACKETS = 150;

export class Link {
  readonly #lab: Lab;
  readonly #programs: Programs;
  readonly #frames: LiveFrames;
  readonly #running: Running;
  readonly #sink: Service;
  readonly #drop: Service;

  private constructor(
    lab: Lab,
    programs: Programs,
    frames: LiveFrames,
    running: Running,
    sink: Service,
    drop: Service,
  ) {
    this.#lab = lab;
    this.#programs = programs;
    this.#frames = frames;
    this.#running = running;
    this.#sink = sink;
    this.#drop = drop;
  }

  /** Starts the contender and both ends. */
  static async open(
    lab: Lab,
    programs: Programs,
    frames: LiveFrames,
    contender: LiveContender,
    { countsMacs = false }: LinkOptions = {},
  ): Promise<Link> {
    lab.setGro("t0", contender.mode === "skb");
    const markAt = MARK_IN_INNER + (contender.decapsulates ? 0 : frames.innerAt);
    const options = ["--sessions", String(frames.sessions), "--mark-at", String(markAt), "--latency"];
    if (countsMacs) options.push("--macs");
    const sink = await programs.start(lab.sniffer, "sink", "d1", contender.sink, ...options);
    const drop = await programs.start(lab.gateway, "drop", "r1", "native");
    try {
      const running = await contender.start(lab, programs);
      return new Link(lab, programs, frames, running, sink, drop);
    } catch (error) {
      await sink.stop();
      await drop.stop();
      throw error;
    }
  }

  /** Through the contender. */
  async run(load: Load): Promise<Run> {
    await this.#sink.ask("reset");
    await this.#running.report?.(); // what it was before
    const { report, processors } = await this.#send("s0", load);
    const { marked, latency, macs, firsts } = await this.#sink.ask<SinkReport>("report");
    return {
      ...account(report, processors, marked),
      macs: macs ?? {},
      firsts: firsts ?? {},
      ...(load.stamp ? { latency } : {}),
      own: (await this.#running.report?.()) ?? {},
    };
  }

  /** Into XDP that drops, while the contender waits: what the sender and the machine cost without it. */
  async senderOnly(load: Load): Promise<Run> {
    await this.#drop.ask("reset");
    const { report, processors } = await this.#send("r0", load);
    const { packets } = await this.#drop.ask<{ packets: number }>("report");
    return { ...account(report, processors, packets), macs: {}, firsts: {}, own: {} };
  }

  /** Its process, if it is one. */
  get pid(): number | undefined {
    return this.#running.pid;
  }

  /** Where the contender's control API is, if it has one. */
  get socket(): string | undefined {
    return this.#running.socket;
  }

  /** Bytes of the contender that are resident, if it is a process. */
  get resident(): number | undefined {
    const { pid } = this.#running;
    if (pid === undefined) return undefined;
    const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  }

  async close(): Promise<void> {
    await this.#running.stop();
    await this.#sink.stop();
    await this.#drop.stop();
  }

  async #send(
    interfaceName: "s0" | "r0",
    { seconds, rate, stamp }: Load,
  ): Promise<{ report: SenderReport; processors: Processors }> {
    const options = [...this.#frames.options, "--seconds", String(seconds)];
    if (rate !== undefined) options.push("--rate", String(Math.round(rate)));
    if (stamp) options.push("--stamp");
    const before = readProcessors();
    const report = await this.#programs.send(this.#lab.source, interfaceName, this.#frames.path, ...options);
    await sleep(LAST_PACKETS);
    return { report, processors: since(before, readProcessors()) };
  }
}

function account(
  report: SenderReport,
  processors: Processors,
  arrived: number,
): Omit<Run, "macs" | "firsts" | "own"> {
  const seconds = report.nanoseconds / 1e9;
  return {
    seconds,
    sent: report.sent,
    arrived,
    offered: report.sent / seconds,
    delivered: arrived / seconds,
    work: processors.busy - report.waitedNanoseconds / 1e9 - processors.others,
    stolen: processors.stolen,
    others: processors.others,
  };
}
