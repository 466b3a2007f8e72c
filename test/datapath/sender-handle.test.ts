// How a sender's thread is started again when it breaks, with programs in place of it.

import { describe, expect, onTestFinished, test } from "vitest";
import { CONTROL, STATES } from "../../src/datapath/live-control.js";
import { SenderHandle } from "../../src/datapath/sender-handle.js";
import type { OutletSeat } from "../../src/datapath/sender-seats.js";
import { Engine } from "../../src/engine/index.js";
import { until } from "../live/until.js";

const OUTLET: OutletSeat = {
  name: "acme",
  queue: 3,
  notes: 0,
  sink: { kind: "tap", fd: -1, name: "tap0", mtu: 1500 },
};

class Watched {
  private constructor(
    readonly handle: SenderHandle,
    readonly heard: readonly string[],
  ) {}

  /** @param program what a thread does when it is ready: `seat`, `state()`, `say` and `runs`, how many were there before */
  static async start(program: string): Promise<Watched> {
    const engine = await Engine.create({ slots: 16, sessions: 16, queues: 4 }, "shared");
    const runs = engine.allocate(4).address;
    const source = `
      import { createRequire } from "node:module";
      const { parentPort, workerData: seat, receiveMessageOnPort } = createRequire("/")("node:worker_threads");
      const words = new Int32Array(seat.engine.memory.buffer);
      const runs = Atomics.add(words, ${runs / 4}, 1);
      const state = () => Atomics.load(words, seat.control / 4 + ${CONTROL.state});
      const say = (word) => parentPort.postMessage(word);
      ${program}`;
    const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
    const heard: string[] = [];
    const listener = {
      trouble: (name: string, text: string | undefined) => heard.push(`trouble ${name}: ${text}`),
      remark: (text: string) => heard.push(text),
      fatal: (error: unknown) => heard.push(`fatal ${(error as Error).message}`),
      left: (queue: number) => heard.push(`left ${queue}`),
      replaced: (queue: number) => heard.push(`replaced ${queue}`),
    };
    const handle = new SenderHandle(engine, listener, url);
    onTestFinished(async () => {
      await handle.terminate();
      handle.close();
    });
    await handle.add(OUTLET);
    return new Watched(handle, heard);
  }

  async hears(text: string): Promise<void> {
    await until(
      () => this.heard.some((each) => each.includes(text)),
      () => `${text} in ${JSON.stringify(this.heard)}`,
    );
  }
}

const READY = 'say("ready");';
const WAIT = `while (state() === ${STATES.running}) Atomics.wait(words, 0, words[0], 1);`;

describe.skipIf(process.platform !== "linux")("a sender", () => {
  test("is started again with the same queues, and ends when it is told to", async () => {
    const { handle, heard } = await Watched.start(
      `${READY} if (runs === 0) throw new Error("no"); say({ remark: "again " + seat.outlets[0].name }); ${WAIT}`,
    );
    await until(
      () => heard.length === 2,
      () => JSON.stringify(heard),
    );
    expect(heard).toEqual(["the sender of acme broke: no; it is started again", "again acme"]);
    expect(await handle.stop(1000)).toBeUndefined();
  });

  test("is given up when it breaks each time", { timeout: 30_000 }, async () => {
    const watched = await Watched.start(`${READY} throw new Error("no");`);
    await watched.hears("it is not started again, and what waits for it stays");
    expect(watched.heard).toHaveLength(4);
    expect(await watched.handle.stop(1000)).toBeUndefined();
  });

  test("that cannot start is an error where it is asked for", async () => {
    await expect(Watched.start('throw new Error("never");')).rejects.toThrow("never");
  });

  test("tells what it has to say, and hears what is asked of it", async () => {
    const { handle, heard } = await Watched.start(`${READY}
      say({ name: "acme", trouble: "full" });
      say({ fatal: { code: "IO_FAILED", message: "the disk" } });
      for (let order; order === undefined; ) order = receiveMessageOnPort(parentPort)?.message, state();
      say({ left: 3 });
      ${WAIT}`);
    handle.remove(3);
    await until(
      () => heard.length === 3,
      () => JSON.stringify(heard),
    );
    expect(heard).toEqual(["trouble acme: full", "fatal the disk", "left 3"]);
  });
});
