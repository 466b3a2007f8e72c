// A live gateway with memory in place of interfaces, in this process. It is the built one: its workers' threads run what is built.

import { onTestFinished } from "vitest";
import { parseConfig } from "../../src/config/load.js";
import type { LiveGatewayConfig } from "../../src/config/schema.js";
import type { LiveGateway, LiveStatus } from "../../src/datapath/live.js";
import type { FrameSink } from "../../src/transmit/memory-delivery.js";

const BUILT = new URL("../../dist/src/datapath/live.js", import.meta.url).href;

/** What JSON can say, as `run --replay --record` reads it. */
export function liveConfigOf(config: object): LiveGatewayConfig {
  const purpose = { live: true, replay: true, record: true } as const;
  const parsed = parseConfig(JSON.stringify(config), "gateway.yaml", purpose);
  if ("mistakes" in parsed) throw new Error(JSON.stringify(parsed.mistakes));
  return parsed.config;
}

export async function startInMemory(config: LiveGatewayConfig): Promise<LiveGateway> {
  const { LiveGateway } = (await import(BUILT)) as typeof import("../../src/datapath/live.js");
  return LiveGateway.start(config, { memory: { tunnel: "memory", delivery: "memory" } });
}

/** One that is ended with the test, and gathers what it delivers. */
export class MemoryGateway {
  /** What came out, copied, in its order. */
  readonly frames: Uint8Array[] = [];
  /** Frames that are still taken: none any more while it is 0. */
  room = Infinity;
  #opened = () => {};
  #stopped: Promise<LiveStatus> | undefined;

  private constructor(readonly gateway: LiveGateway) {}

  static async start(config: object, room = Infinity): Promise<MemoryGateway> {
    const memory = new MemoryGateway(await startInMemory(liveConfigOf(config)));
    memory.room = room;
    const sink: FrameSink = {
      accept: (frame) => {
        if (memory.room === 0) return false;
        memory.room--;
        memory.frames.push(frame.slice());
        return true;
      },
      ready: () =>
        new Promise((resolve) => {
          memory.#opened = resolve;
        }),
      idle: async () => {},
    };
    void memory.gateway.deliver(sink);
    onTestFinished(async () => {
      await memory.stop(0);
    });
    return memory;
  }

  /** Everything is taken again. */
  open(): void {
    this.room = Infinity;
    this.#opened();
  }

  /** Pushes frames, and returns when the gateway has processed all of them. */
  async send(frames: readonly Uint8Array[], time?: bigint): Promise<void> {
    const now = () => time ?? BigInt(Date.now()) * 1_000_000n;
    await this.tunnel.pushAll(
      frames.map((data) => ({ data })),
      now,
    );
    await this.tunnel.done("processed");
  }

  get tunnel() {
    return this.gateway.tunnel!;
  }

  /** Its accounts in the end. */
  stop(deadline?: number): Promise<LiveStatus> {
    this.#stopped ??= this.gateway.stop(100, deadline);
    return this.#stopped;
  }
}
