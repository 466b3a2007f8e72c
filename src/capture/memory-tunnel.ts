// The memory backend: frames come from who has them, and not from an interface. They lie in a ring like AF_PACKET's, which one worker
// empties.

import { close, wake } from "../linux/index.js";
import { type KernelLosses, NO_LOSSES } from "../telemetry/losses.js";
import type { TunnelPort } from "./live.js";

/** The ring, as far as it takes frames (engine/arrival-ring.ts). */
export interface FramesIn<Frame> {
  push(frames: readonly Frame[], first: number, time: bigint): number;
}

/**
 * What the worker tells, in words of shared memory: it counts the bell up and notifies (Atomics) when one of the others is new. Frames
 * modulo 2^32: those that are processed, and of those the ones of which nothing is queued or under way.
 */
export const TOLD = { bell: 0, processed: 1, settled: 2 } as const;
const TOLD_WORDS = 3;

export function toldWords(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(TOLD_WORDS * 4));
}

export interface MemoryTunnelOptions<Frame> {
  /** For people. */
  readonly description: string;
  readonly ring: FramesIn<Frame>;
  /** Wakes the worker (eventfd). It is closed with the port. */
  readonly event: number;
}

export class MemoryTunnelPort<Frame> implements TunnelPort<FramesIn<Frame>> {
  readonly description: string;
  readonly ends: readonly FramesIn<Frame>[];
  /** Where the worker tells (TOLD). */
  readonly told = toldWords();
  readonly #ring: FramesIn<Frame>;
  readonly #event: number;
  #isDetached = false;
  /** Frames, modulo 2^32. */
  #taken = 0;

  constructor({ description, ring, event }: MemoryTunnelOptions<Frame>) {
    this.description = description;
    this.ends = [ring];
    this.#ring = ring;
    this.#event = event;
  }

  /**
   * Takes as many of `frames`, from place `first` on, as there is room for, and copies them. Gives how many: none after `detach`.
   *
   * @param time when they came, in nanoseconds since 1970
   */
  push(frames: readonly Frame[], time: bigint, first = 0): number {
    if (this.#isDetached) return 0;
    let count = 0;
    for (;;) {
      const taken = this.#ring.push(frames, first + count, time);
      if (taken === 0) break;
      count += taken;
    }
    if (count > 0) wake(this.#event);
    this.#taken = (this.#taken + count) | 0;
    return count;
  }

  /** Takes all of them, as fast as there is room, each at the time that `now` gives then. Resolves without them after `detach`. */
  async pushAll(frames: readonly Frame[], now: () => bigint): Promise<void> {
    let first = 0;
    await this.#until(() => {
      first += this.push(frames, now(), first);
      return first === frames.length;
    });
  }

  /** Resolves when every frame that was taken is processed, or with `settled` is sent or dropped, too; and after `detach`. */
  async done(of: "processed" | "settled"): Promise<void> {
    await this.#until(() => Atomics.load(this.told, TOLD[of]) === this.#taken);
  }

  /** Looks again whenever the worker tells something. */
  async #until(condition: () => boolean): Promise<void> {
    for (;;) {
      const bell = Atomics.load(this.told, TOLD.bell);
      if (this.#isDetached || condition()) return;
      await Atomics.waitAsync(this.told, TOLD.bell, bell).value;
    }
  }

  /** Nothing is lost: what there is no room for is not taken. */
  losses(): KernelLosses {
    return NO_LOSSES;
  }

  async detach(): Promise<void> {
    this.#isDetached = true;
    Atomics.add(this.told, TOLD.bell, 1);
    Atomics.notify(this.told, TOLD.bell);
  }

  close(): void {
    close(this.#event);
  }
}
