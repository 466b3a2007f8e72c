// Live gateways without interfaces, for the suite of all backends: one in this process, whose memory is written and read; and the command
// between two captures, the first of which is a pipe, so that packets can come while it runs.

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { readFrames } from "../../src/capture/index.js";
import { statusDocument } from "../../src/control/status.js";
import { pcap } from "../capture-builder.js";
import { MAIN } from "../cli/command.js";
import { MemoryGateway } from "../datapath/memory-gateway.js";
import { type Balance, expectBalance } from "../live/gateway.js";
import { Running } from "../live/running.js";
import { until } from "../live/until.js";

/** A gateway that runs. */
export interface Ending {
  readonly description: string;
  stop(): Promise<Balance>;
}
/** What comes out. */
export interface Arrivals {
  has(count: number): Promise<readonly Uint8Array[]>;
  finish(): Promise<readonly Uint8Array[]>;
}
export interface WithoutInterfaces {
  start(config: object): Promise<Ending>;
  listen(): Arrivals;
  send(frames: readonly Uint8Array[]): Promise<void>;
}

export class InMemory implements WithoutInterfaces {
  #gateway: MemoryGateway | undefined;

  async start(config: object): Promise<Ending> {
    const memory = await MemoryGateway.start(config);
    this.#gateway = memory;
    const stop = async () => {
      const balance = statusDocument(await memory.stop()) as unknown as Balance;
      expectBalance(balance);
      return balance;
    };
    return { description: memory.gateway.description, stop };
  }

  listen(): Arrivals {
    const { frames } = this.#gateway!;
    const before = frames.length;
    const arrived = () => frames.slice(before);
    return {
      has: async (count) => {
        await until(
          () => arrived().length >= count,
          () => `${count} frames; ${arrived().length} came`,
        );
        return arrived();
      },
      finish: async () => arrived(),
    };
  }

  send(frames: readonly Uint8Array[]): Promise<void> {
    return this.#gateway!.send(frames);
  }
}

export class InFiles implements WithoutInterfaces {
  readonly #folder: string;
  #input!: FileHandle;
  #output!: string;
  #runs = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async start(config: object): Promise<Ending> {
    const folder = join(this.#folder, `file-${++this.#runs}`);
    await mkdir(folder);
    const [file, input] = [join(folder, "gateway.yaml"), join(folder, "in.pcap")];
    this.#output = join(folder, "out.pcapng");
    writeFileSync(file, JSON.stringify(config));
    execFileSync("mkfifo", [input]);
    // For both, so that it opens before there is a reader.
    this.#input = await open(input, "r+");
    let isOpen = true;
    const end = async () => {
      if (isOpen) await this.#input.close();
      isOpen = false;
    };
    await this.#input.write(pcap([]));
    const args = [MAIN, "run", file, "--replay", input, "--speed", "max", "--record", this.#output, "--json"];
    const running = await Running.start("node", args, { ready: /spangate: ready: .*\n/ });
    onTestFinished(async () => {
      await end();
      await running.stop();
      await rm(folder, { recursive: true });
    });
    const stop = async () => {
      await end(); // and with the capture the gateway
      expect(await running.ended, running.output).toEqual({ code: 0, signal: null });
      const balance = JSON.parse(running.stdout) as Balance;
      expectBalance(balance);
      return balance;
    };
    return { description: /ready: (.*)/.exec(running.output)![1]!, stop };
  }

  listen(): Arrivals {
    const path = this.#output;
    const arrived = async () => {
      const frames: Uint8Array[] = [];
      try {
        for await (const { data } of readFrames(path)) frames.push(data);
      } catch {
        // The last one is being written.
      }
      return frames;
    };
    return {
      has: async (count) => {
        let frames: Uint8Array[] = [];
        await until(
          async () => {
            frames = await arrived();
            return frames.length >= count;
          },
          () => `${count} frames; ${frames.length} came`,
        );
        return frames;
      },
      finish: arrived,
    };
  }

  async send(frames: readonly Uint8Array[]): Promise<void> {
    const capture = pcap(frames.map((data) => ({ data, time: 0n })));
    await this.#input.write(capture.subarray(pcap([]).length));
  }
}
