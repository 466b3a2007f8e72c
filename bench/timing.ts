// Frames through the engine with a clock around it. Frames are put into their slots anew before each round, outside the
// time: the engine changes some of them in place, and sequence numbers rise.

import type { Engine, FrameSlots } from "../src/engine/index.js";

const ETHERNET = 1;

/** Puts frame number `i` of a round at `address` in `memory` and gives its length. */
export type Fill = (memory: Uint8Array, address: number, i: number) => number;

/** A number of frames in flight, in slots, that take turns in the batch. */
export class Rounds {
  readonly #engine: Engine;
  readonly #slots: FrameSlots;
  readonly #fill: Fill;
  readonly #lengths: Uint32Array;
  #microseconds = 1;

  constructor(engine: Engine, slots: FrameSlots, fill: Fill) {
    this.#engine = engine;
    this.#slots = slots;
    this.#fill = fill;
    this.#lengths = new Uint32Array(slots.count);
  }

  /** Decodes each frame once. Gives the milliseconds that the engine took. */
  decode(): number {
    this.refill();
    const { batch } = this.#engine;
    let spent = 0;
    for (let first = 0; first < this.#slots.count; first += batch.capacity) {
      batch.clear();
      for (let i = first; i < first + batch.capacity; i++) this.#push(i);
      const begin = performance.now();
      this.#engine.process();
      spent += performance.now() - begin;
    }
    return spent;
  }

  /** The yardstick: copies each frame once, elsewhere. Gives milliseconds. */
  copy(to: Uint8Array): number {
    this.refill();
    const memory = this.#engine.memory.u8;
    const begin = performance.now();
    let place = 0;
    for (let i = 0; i < this.#slots.count; i++) {
      const address = this.#slots.address(i);
      const length = this.#lengths[i]!;
      to.set(memory.subarray(address, address + length), place);
      place += length;
    }
    return performance.now() - begin;
  }

  /** Each frame to `read`, as a view of it. Gives milliseconds. */
  each(read: (frame: DataView) => void): number {
    this.refill();
    const { buffer } = this.#engine.memory.u8;
    const begin = performance.now();
    for (let i = 0; i < this.#slots.count; i++) {
      read(new DataView(buffer, this.#slots.address(i), this.#lengths[i]));
    }
    return performance.now() - begin;
  }

  refill(): void {
    const memory = this.#engine.memory.u8;
    for (let i = 0; i < this.#slots.count; i++)
      this.#lengths[i] = this.#fill(memory, this.#slots.address(i), i);
  }

  #push(i: number): void {
    const length = this.#lengths[i]!;
    this.#engine.batch.push(this.#slots.address(i), length, length, 0, this.#microseconds++ * 1000, ETHERNET);
  }
}
