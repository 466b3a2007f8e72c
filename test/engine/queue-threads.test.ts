// A queue between two threads: what the producer's verdicts and counters say went in is what the consumer got, once each and in
// order, and every slot comes back.

import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import * as at from "../../assembly/memory/layout.js";
import { Engine, VERDICTS } from "../../src/engine/index.js";
import { loadModule } from "../../src/engine/wasm.js";
import { mapOf, mirrored, NUMBER_AT } from "./queue-gateway.js";

const PACKETS = Number(process.env.SPANGATE_QUEUE_PACKETS ?? 1_000_000);
const DELIVERED = VERDICTS.indexOf("delivered");
const SPINS = 3000;
const OVERFLOWS = ["drop-newest", "drop-oldest"] as const;
/** Of the number in a frame as it comes: Ethernet, IPv4, GRE with S, ERSPAN II before it. */
const IN_MIRRORED = 14 + 20 + 8 + 8 + NUMBER_AT;

type Overflow = (typeof OVERFLOWS)[number];

class Pair {
  readonly delivered: Uint8Array;
  readonly #seen: SharedArrayBuffer;
  readonly #stop = new SharedArrayBuffer(4);
  readonly #header: number;
  #consumer!: Worker;

  private constructor(
    readonly engine: Engine,
    private readonly packets: number,
  ) {
    this.delivered = new Uint8Array(packets);
    this.#seen = new SharedArrayBuffer(packets);
    const queues = engine.memory.u32[(engine.worker + at.WORKER_QUEUES) >>> 2]!;
    this.#header = queues + engine.queues.present("a")! * at.QUEUE_SIZE;
  }

  static async create(overflow: Overflow, queue: number, packets: number): Promise<Pair> {
    const threaded = (sniffer: string) => sniffer === "a";
    const pool = { slots: 2048, reserved: 512, largeSlots: 0, sessions: 16, queues: 4 };
    const engine = await Engine.create({ ...pool, threaded }, "shared");
    engine.replaceMap(mapOf([{ name: "a", queue, overflow }]).image);
    const pair = new Pair(engine, packets);
    await pair.#start();
    return pair;
  }

  async #start(): Promise<void> {
    const { engine } = this;
    const workerData = {
      module: await loadModule("shared"),
      memory: engine.memory.memory,
      worker: engine.worker,
      queue: engine.queues.present("a"),
      into: engine.allocate(1024).address,
      records: engine.memory.u32[(engine.worker + at.WORKER_RECORDS) >>> 2],
      recordSize: at.RECORD_SIZE,
      numberAt: NUMBER_AT,
      seen: this.#seen,
      stop: this.#stop,
      seed: 1,
    };
    this.#consumer = new Worker(new URL("./queue-consumer.mjs", import.meta.url), { workerData });
    await this.#message();
  }

  #message(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#consumer.once("message", resolve);
      this.#consumer.once("error", reject);
    });
  }

  /** Offers every packet, up to `most` at a time. Gives how many were refused. */
  produce(most: number): number {
    const { packets } = this;
    const { batch, slots, memory } = this.engine;
    const frame = mirrored(0, 0);
    const number = new DataView(frame.buffer, frame.byteOffset + IN_MIRRORED);
    let refused = 0;
    for (let next = 0; next < packets; ) {
      const first = next;
      while (batch.count < most && next < packets) {
        const slot = slots.take(frame.length);
        if (slot < 0) break;
        number.setUint32(0, next++);
        const address = slots.address(slot);
        memory.u8.set(frame, address);
        batch.pushSlot(slot, address, frame.length, frame.length, 0, next, 1);
      }
      this.engine.process();
      for (let i = 0; i < batch.count; i++) {
        if (batch.verdict(i) === DELIVERED) this.delivered[first + i] = 1;
        else refused++;
      }
      batch.clear();
      // Mostly as fast as the consumer, so that the two meet at either end of the queue; now and then faster.
      if (next % 5 !== 0) this.#awaitConsumer(next % 3);
    }
    return refused;
  }

  /** Until no more than `queued` packets wait, or for a while. */
  #awaitConsumer(queued: number): void {
    const { u32 } = this.engine.memory;
    for (let spins = 0; spins < SPINS; spins++) {
      const tail = u32[(this.#header + at.QUEUE_TAIL) >>> 2]!;
      if (tail - Atomics.load(u32, (this.#header + at.QUEUE_HEAD) >>> 2) <= queued) return;
      this.engine.queues.reclaim();
    }
  }

  /** Ends the consumer when it has got everything. */
  async finish(): Promise<{ taken: number; errors: number; reordered: number; seen: Uint8Array }> {
    const { queues } = this.engine;
    while (queues.accounts().get("a")!.queued > 0) {
      queues.reclaim();
      await new Promise(setImmediate);
    }
    const report = this.#message();
    Atomics.store(new Int32Array(this.#stop), 0, 1);
    const counts = (await report) as { taken: number; errors: number; reordered: number };
    await this.#consumer.terminate();
    return { ...counts, seen: new Uint8Array(this.#seen) };
  }
}

test.each([
  ["drop-newest", 1024, PACKETS],
  ["drop-newest", 3, PACKETS / 5],
  ["drop-oldest", 1024, PACKETS],
  ["drop-oldest", 3, PACKETS / 5],
] as const)("%s, %i packets", { timeout: 300_000 }, async (overflow, queue, packets) => {
  const pair = await Pair.create(overflow, queue, packets);
  const refused = pair.produce(Math.min(queue, at.BATCH));
  const { taken, errors, reordered, seen } = await pair.finish();
  const { engine, delivered } = pair;

  if (process.env.SPANGATE_SHOW) console.info({ overflow, queue, taken, refused });
  expect(reordered).toBe(0);
  expect(seen.findIndex((times) => times > 1)).toBe(-1);
  expect(delivered.findIndex((was, number) => was === 0 && seen[number] !== 0)).toBe(-1);
  const account = engine.queues.accounts().get("a")!;
  expect(account).toMatchObject({
    offered: packets,
    sent: taken - errors,
    sendError: errors,
    queued: 0,
    inFlight: 0,
  });
  expect(account.offered).toBe(
    account.sent + account.sendError + account.droppedNewest + account.droppedOldest,
  );
  expect(account.droppedNewest).toBe(refused);
  let lost = 0;
  for (let number = 0; number < packets; number++) if (delivered[number] === 1 && seen[number] === 0) lost++;
  expect(lost).toBe(account.droppedOldest);
  if (overflow === "drop-newest") expect(lost).toBe(0);
  // Both happened: the consumer was too slow at times, and got something.
  expect(account.droppedNewest + account.droppedOldest).toBeGreaterThan(0);
  expect(taken).toBeGreaterThan(packets / 1000);

  engine.queues.reclaim();
  expect(engine.slots.free).toBe(engine.slots.count);
});
