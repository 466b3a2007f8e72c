// The engine as a contender: its slots, its queues, and what it says came of a round. All that the race has to know of the way in
// which the engine takes and gives frames is here.

import { Engine } from "../src/engine/index.js";
import { DeliveryHash } from "./delivery-hash.js";
import type { Contender, Results, Scenario } from "./race.js";
import { median } from "./table.js";

const ETHERNET = 1;
const VERDICTS = 32;
const DELIVERED = 0;

/** The engine at work on a scenario. */
export class EngineContender implements Contender {
  readonly name: string;
  readonly #engine: Engine;
  readonly #scenario: Scenario;
  /** Where each frame of the round lies. */
  readonly #slots: Int32Array;
  /** Packets so far. */
  #packets = 0;

  private constructor(name: string, engine: Engine, scenario: Scenario) {
    this.name = name;
    this.#engine = engine;
    this.#scenario = scenario;
    this.#slots = new Int32Array(scenario.inFlight);
  }

  /** @param fastPath whether frames of the usual layouts go the shorter way */
  static async create(scenario: Scenario, fastPath: boolean): Promise<EngineContender> {
    const { slots, options, image } = scenario;
    const engine = await Engine.create({
      ...options,
      slots: slots.count,
      reserved: slots.reserved,
      queues: Math.max(1, image?.queues.length ?? 0),
      fastPath,
    });
    if (image !== undefined) engine.replaceMap(image);
    return new EngineContender(fastPath ? "engine" : "engine, scalar", engine, scenario);
  }

  async run(rounds: number): Promise<number> {
    const { deliveries } = this.#engine;
    const spent: number[] = [];
    for (let round = 0; round < rounds; round++) {
      this.#inBatches(() => {
        const begin = performance.now();
        this.#engine.process();
        // The sender's part: takes what is queued, and is done with it.
        while (deliveries.take() > 0) deliveries.settle();
        spent.push(performance.now() - begin);
      });
    }
    return median(spent) * 1e6;
  }

  async check(): Promise<Results> {
    const verdicts: number[] = new Array(VERDICTS).fill(0);
    const hash = new DeliveryHash();
    let [innerBytes, sent, sentBytes] = [0, 0, 0];
    this.#inBatches(() => {
      const { batch } = this.#engine;
      this.#engine.process();
      for (let i = 0; i < batch.count; i++) {
        verdicts[batch.verdict(i)]!++;
        if (batch.verdict(i) === DELIVERED) innerBytes += batch.inner(i).length;
      }
      for (const { queue, original, frame } of this.#sent()) {
        hash.add(queue, original, frame);
        sent++;
        sentBytes += frame.length;
      }
    });
    let [offered, refused] = [0, 0];
    for (const account of this.#engine.queues.accounts().values()) {
      offered += account.offered;
      refused += account.tooLarge + account.rate + account.droppedNewest + account.droppedOldest;
    }
    const sessions = this.#engine.sessions.count;
    return { verdicts, innerBytes, sent, sentBytes, offered, refused, sessions, hash: hash.value };
  }

  stop(): void {
    this.#engine.dispose();
  }

  /** Takes everything that is queued. A frame is good until the next one is asked for. */
  *#sent(): Generator<{ queue: number; original: number; frame: Uint8Array }> {
    const { deliveries } = this.#engine;
    while (deliveries.take() > 0) {
      for (let i = 0; i < deliveries.count; i++) {
        const record = deliveries.record(i);
        const original = deliveries.originalLength(record);
        yield { queue: deliveries.queue(record), original, frame: deliveries.frame(record) };
      }
      deliveries.settle();
    }
  }

  /** A round: frames are put in place, announced batch by batch, and left to `use`. */
  #inBatches(use: () => void): void {
    this.#restore();
    const { batch } = this.#engine;
    const { inFlight } = this.#scenario;
    for (let first = 0; first < inFlight; first += batch.capacity) {
      const end = Math.min(inFlight, first + batch.capacity);
      for (let i = first; i < end; i++) this.#announce(i);
      use();
      batch.clear();
    }
    this.#packets += inFlight;
  }

  /** The frames of a round into slots, as they came: those of the last round were changed in place, and sequence numbers rise. */
  #restore(): void {
    const { slots, memory } = this.#engine;
    const { frames, inFlight } = this.#scenario;
    for (let i = 0; i < inFlight; i++) {
      const packet = this.#packets + i;
      const { bytes, sequence } = frames[packet % frames.length]!;
      const slot = slots.take(bytes.length);
      if (slot < 0) throw new Error("there are fewer slots than frames");
      this.#slots[i] = slot;
      const address = slots.address(slot);
      memory.u8.set(bytes, address);
      if (sequence === undefined) continue;
      const number = sequence.first + Math.floor(packet / frames.length) * sequence.step;
      const place = address + sequence.at;
      memory.u8[place] = number >>> 24;
      memory.u8[place + 1] = number >>> 16;
      memory.u8[place + 2] = number >>> 8;
      memory.u8[place + 3] = number;
    }
  }

  #announce(i: number): void {
    const { slots, batch } = this.#engine;
    const { frames, time } = this.#scenario;
    const packet = this.#packets + i;
    const { bytes, originalLength, linkType } = frames[packet % frames.length]!;
    const slot = this.#slots[i]!;
    const at = time.first + BigInt(packet) * time.step;
    batch.pushSlot(
      slot,
      slots.address(slot),
      bytes.length,
      originalLength ?? bytes.length,
      Number(at >> 32n),
      Number(at & 0xffff_ffffn),
      linkType ?? ETHERNET,
    );
  }
}
