// The engine as a contender: its slots, its queues, and what it says came of a round. All that the race has to know of the way in
// which the engine takes and gives frames is here.

import { Engine, Verdict } from "../src/engine/index.js";
import { DeliveryHash } from "./delivery-hash.js";
import type { ArrivingFrame, Contender, Results, Scenario } from "./race.js";
import { median } from "./table.js";

const ETHERNET = 1;
/** Places for verdicts, as C has them. */
const VERDICTS = 32;

/**
 * Frames in a row, and what is known of each in columns: putting them in place makes no garbage and touches no more lines than the
 * yardstick's does, so that the clock finds the caches alike.
 */
class FrameStore {
  readonly count: number;
  readonly words: Uint32Array;
  /** In `words`. */
  readonly start: Uint32Array;
  readonly length: Uint32Array;
  readonly original: Uint32Array;
  readonly linkType: Uint32Array;
  /** 0: it has no sequence number. */
  readonly sequenceAt: Uint32Array;
  readonly sequenceFirst: Uint32Array;
  readonly sequenceStep: Uint32Array;

  constructor(frames: readonly ArrivingFrame[]) {
    const starts: number[] = [];
    let words = 0;
    for (const { bytes } of frames) {
      starts.push(words);
      words += (bytes.length + 3) >> 2;
    }
    const column = (of: (frame: ArrivingFrame) => number) => Uint32Array.from(frames, of);
    this.count = frames.length;
    this.words = new Uint32Array(words);
    this.start = Uint32Array.from(starts);
    this.length = column(({ bytes }) => bytes.length);
    this.original = column(({ bytes, originalLength }) => originalLength ?? bytes.length);
    this.linkType = column(({ linkType }) => linkType ?? ETHERNET);
    this.sequenceAt = column(({ sequence }) => sequence?.at ?? 0);
    this.sequenceFirst = column(({ sequence }) => sequence?.first ?? 0);
    this.sequenceStep = column(({ sequence }) => sequence?.step ?? 0);
    const all = new Uint8Array(this.words.buffer);
    for (const [i, { bytes }] of frames.entries()) all.set(bytes, starts[i]! * 4);
  }
}

/** The engine at work on a scenario. */
export class EngineContender implements Contender {
  readonly name: string;
  readonly #engine: Engine;
  readonly #scenario: Scenario;
  readonly #frames: FrameStore;
  /** Where each frame of the round lies. */
  readonly #slots: Int32Array;
  /** Packets so far. */
  #packets = 0;
  /** Called before each batch, outside the time. */
  readonly #before: (engine: Engine) => void;
  /** Packet time of the next one. */
  #timeHigh: number;
  #timeLow: number;

  private constructor(
    name: string,
    engine: Engine,
    scenario: Scenario,
    before: (engine: Engine) => void = () => {},
  ) {
    this.name = name;
    this.#before = before;
    this.#engine = engine;
    this.#scenario = scenario;
    this.#frames = new FrameStore(scenario.frames);
    this.#timeHigh = Number(scenario.time.first >> 32n);
    this.#timeLow = Number(scenario.time.first & 0xffff_ffffn);
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
    return new EngineContender(fastPath ? "engine, fast" : "engine, scalar", engine, scenario);
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
        if (batch.verdict(i) === Verdict.Delivered) innerBytes += batch.inner(i).length;
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

  /** With the fast path, and something that somebody else does with the engine before each batch. */
  static async withBefore(
    name: string,
    scenario: Scenario,
    before: (engine: Engine) => void,
  ): Promise<EngineContender> {
    const usual = await EngineContender.create(scenario, true);
    return new EngineContender(name, usual.#engine, scenario, before);
  }

  /** A round: frames are put in place, announced batch by batch, and left to `use`. */
  #inBatches(use: () => void): void {
    this.#restore();
    const { batch } = this.#engine;
    const { inFlight, time } = this.#scenario;
    const step = Number(time.step);
    for (let first = 0; first < inFlight; first += batch.capacity) {
      const end = Math.min(inFlight, first + batch.capacity);
      for (let i = first; i < end; i++) this.#announce(i, step);
      this.#before(this.#engine);
      use();
      batch.clear();
    }
    this.#packets += inFlight;
  }

  /** The frames of a round into slots, as they came: those of the last round were changed in place, and sequence numbers rise. */
  #restore(): void {
    const { slots, memory } = this.#engine;
    const { count, words, start, length, sequenceAt, sequenceFirst, sequenceStep } = this.#frames;
    const { u8, u32 } = memory;
    for (let i = 0; i < this.#slots.length; i++) {
      const packet = this.#packets + i;
      const frame = packet % count;
      const slot = slots.take(length[frame]!);
      if (slot < 0) throw new Error("there are fewer slots than frames");
      this.#slots[i] = slot;
      const address = slots.address(slot);
      const from = start[frame]!;
      const wordCount = (length[frame]! + 3) >> 2;
      for (let word = 0; word < wordCount; word++) u32[(address >>> 2) + word] = words[from + word]!;
      if (sequenceAt[frame] === 0) continue;
      const number = sequenceFirst[frame]! + Math.floor(packet / count) * sequenceStep[frame]!;
      const place = address + sequenceAt[frame]!;
      u8[place] = number >>> 24;
      u8[place + 1] = number >>> 16;
      u8[place + 2] = number >>> 8;
      u8[place + 3] = number;
    }
  }

  #announce(i: number, timeStep: number): void {
    const { slots, batch } = this.#engine;
    const { count, length, original, linkType } = this.#frames;
    const frame = (this.#packets + i) % count;
    const slot = this.#slots[i]!;
    const [high, low] = [this.#timeHigh, this.#timeLow];
    batch.pushSlot(slot, slots.address(slot), length[frame]!, original[frame]!, high, low, linkType[frame]!);
    this.#timeLow += timeStep;
    if (this.#timeLow >= 2 ** 32) {
      this.#timeLow -= 2 ** 32;
      this.#timeHigh++;
    }
  }
}
