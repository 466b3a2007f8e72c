// Packets of the tenant that somebody watches, from every worker: each worker copies one now and then, before it changes the frame, into a
// ring of its own, and no more than it is allowed to.

import * as at from "../../assembly/memory/layout.js";
import type { LinearMemory } from "./memory.js";

/** A packet as it came, and what became of it. */
export interface Sample {
  /** Of the map that found its tenant. */
  readonly generation: number;
  /** Index of the tenant in that map. */
  readonly tenant: number;
  /** Its verdict's number. */
  readonly verdict: number;
  /** The frame, or as much of it as is copied (9,216 bytes). */
  readonly frame: Uint8Array;
  /** Bytes that were on the wire. */
  readonly original: number;
  readonly linkType: number;
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  /** Number of the worker. */
  readonly worker: number;
}

export class Samples {
  readonly #memory: LinearMemory;
  /** Addresses of their blocks. */
  readonly #workers: readonly number[];
  /** By worker, what of its ring has been read. */
  readonly #read: number[];
  /** Takings so far: each begins with another worker. */
  #takings = 0;

  /** @internal */
  constructor(memory: LinearMemory, workers: readonly number[]) {
    this.#memory = memory;
    this.#workers = workers;
    this.#read = workers.map(() => 0);
  }

  /** From now on packets of tenant `index` of map `generation` are wanted, and what there is of others is forgotten. */
  watch(generation: number, index: number): void {
    this.#set((BigInt(generation) << 32n) | BigInt(index + 1));
    this.#forget();
  }

  /** Nobody's. */
  stop(): void {
    this.#set(0n);
    this.#forget();
  }

  /** Each worker may sample `count` packets more than have been taken, up to SAMPLES. */
  allow(count: number): void {
    for (const [i, worker] of this.#workers.entries()) {
      const limit = (this.#read[i]! + Math.min(count, at.SAMPLES)) >>> 0;
      Atomics.store(this.#memory.u32, (worker + at.WORKER_SAMPLES_LIMIT) >>> 2, limit);
    }
  }

  /** Takes what there is. */
  take(): Sample[] {
    const samples: Sample[] = [];
    const first = this.#takings++;
    for (let n = 0; n < this.#workers.length; n++) {
      const i = (first + n) % this.#workers.length;
      for (const tail = this.#tail(i); this.#read[i] !== tail; this.#read[i] = (this.#read[i]! + 1) >>> 0)
        samples.push(this.#sample(i, this.#read[i]! & (at.SAMPLES - 1)));
    }
    return samples;
  }

  #tail(worker: number): number {
    return Atomics.load(this.#memory.u32, (this.#workers[worker]! + at.WORKER_SAMPLES_TAIL) >>> 2);
  }

  #sample(worker: number, place: number): Sample {
    const { u8, u32, u64 } = this.#memory;
    const block = this.#workers[worker]!;
    const sample = u32[(block + at.WORKER_SAMPLES) >>> 2]! + place * at.SAMPLE_SIZE;
    const word = (field: number) => u32[(sample + field) >>> 2]!;
    const frame = sample + at.SAMPLE_FRAME;
    return {
      generation: word(at.SAMPLE_GENERATION),
      tenant: word(at.SAMPLE_TENANT),
      verdict: word(at.SAMPLE_VERDICT),
      frame: u8.slice(frame, frame + word(at.SAMPLE_COPIED)),
      original: Math.max(word(at.SAMPLE_ORIGINAL), word(at.SAMPLE_CAPTURED)),
      linkType: word(at.SAMPLE_LINK_TYPE),
      time: u64[(sample + at.SAMPLE_TIME) >>> 3]!,
      worker,
    };
  }

  #set(watched: bigint): void {
    for (const worker of this.#workers)
      Atomics.store(this.#memory.u64, (worker + at.WORKER_WATCHED) >>> 3, watched);
  }

  /** What is under way in a worker may still come, with the generation and tenant that it is of. */
  #forget(): void {
    for (let i = 0; i < this.#workers.length; i++) this.#read[i] = this.#tail(i);
    this.allow(0);
  }
}
