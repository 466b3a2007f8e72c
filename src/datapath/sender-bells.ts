// How a data-path worker wakes senders in other threads: after a batch, and only one that sleeps. A sender that is about to sleep says so
// first and then looks into its queues once more, so that it misses nothing.

import type { EngineThread } from "../engine/index.js";
import { wake } from "../linux/index.js";
import { CONTROL, CONTROL_SIZE } from "./live-control.js";

/** Of a sender: the address of its control words, and what wakes it. Plain data. */
export interface BellSeat {
  readonly control: number;
  readonly event: number;
}

export class SenderBells {
  readonly #engine: EngineThread;
  readonly #controls: readonly Int32Array[];
  readonly #events: readonly number[];

  /** @param seats by the senders' numbers */
  constructor(engine: EngineThread, seats: readonly BellSeat[]) {
    this.#engine = engine;
    this.#controls = seats.map(({ control }) => engine.int32(control, CONTROL_SIZE / 4));
    this.#events = seats.map(({ event }) => event);
  }

  /** Wakes those that have got something since this was called last, and sleep. */
  ring(): void {
    for (let sender = 0; sender < this.#events.length; sender++) {
      if (!this.#engine.rings(sender)) continue;
      const control = this.#controls[sender]!;
      if (Atomics.load(control, CONTROL.sleeps) === 0) continue;
      if (Atomics.exchange(control, CONTROL.sleeps, 0) === 1) wake(this.#events[sender]!);
    }
  }
}
