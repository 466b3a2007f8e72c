// The memory backend: what would go out is handed to who wants it, on the main thread. Each worker has rings like AF_XDP's, and rings a
// bell when it has put something into one that somebody sleeps over.

import type { DeliveryPort } from "./live.js";

/** A worker's rings, as far as frames are taken from them (engine/sent-ring.ts). */
export interface FramesOut {
  readonly isWaiting: boolean;
  wantsWakeup: boolean;
  take(accept: (frame: Uint8Array) => boolean, most: number): number;
}

/** Who gets the frames. */
export interface FrameSink {
  /** Takes a frame, which is good until this returns. False: not now. */
  accept(frame: Uint8Array): boolean;
  /** Resolves when `accept` takes one again. Rejects when it never will. */
  ready(): Promise<void>;
  /** There is none now. Rejects when what was accepted cannot be kept. */
  idle(): Promise<void>;
}

/** Frames between two looks at what else the main thread has to do. */
const TURN = 256;

export class MemoryDeliveryPort implements DeliveryPort<FramesOut> {
  /** Which each worker counts up and notifies (Atomics). */
  readonly bell = new Int32Array(new SharedArrayBuffer(4));
  #isClosed = false;

  constructor(
    /** For people. */
    readonly description: string,
    readonly ends: readonly FramesOut[],
  ) {}

  /**
   * Hands every frame to `sink`, in each worker's order, until the port is closed. Rejects with what `sink` rejects with, and then
   * frames stay where they are.
   *
   * @param settled is called when some are done with, so that workers look for their slots
   */
  async deliver(sink: FrameSink, settled: () => void): Promise<void> {
    let isRefused = false;
    const accept = (frame: Uint8Array) => {
      isRefused = !sink.accept(frame);
      return !isRefused;
    };
    while (!this.#isClosed) {
      let count = 0;
      isRefused = false;
      for (const end of this.ends) if (!isRefused) count += end.take(accept, TURN);
      if (count > 0) settled();
      if (isRefused) await sink.ready();
      // The rest waits for the worker to see what is completed.
      else if (count > 0 || this.#isWaiting) await new Promise(setImmediate);
      else await this.#sleep(sink);
    }
  }

  get #isWaiting(): boolean {
    return this.ends.some((end) => end.isWaiting);
  }

  async #sleep(sink: FrameSink): Promise<void> {
    await sink.idle();
    const rung = Atomics.load(this.bell, 0);
    for (const end of this.ends) end.wantsWakeup = true;
    if (!this.#isClosed && !this.#isWaiting) await Atomics.waitAsync(this.bell, 0, rung).value;
    for (const end of this.ends) end.wantsWakeup = false;
  }

  close(): void {
    this.#isClosed = true;
    Atomics.add(this.bell, 0, 1);
    Atomics.notify(this.bell, 0);
  }
}
