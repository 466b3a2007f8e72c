// The threads of a live gateway's data-path workers. They take as long to load as everything else of a start, and so they load beside it.

import type { Engine } from "../engine/index.js";
import { createEvent } from "../linux/index.js";
import { CONTROL, CONTROL_SIZE, STATES } from "./live-control.js";
import type { OpenedPorts } from "./live-ports.js";
import type { LiveSenders } from "./live-senders.js";
import type { ThreadSeat } from "./live-thread.js";
import { LiveThread } from "./live-thread-handle.js";

export class LiveThreads {
  readonly all: LiveThread[] = [];
  readonly #engine: Engine;
  readonly #controls: number[] = [];
  readonly #events: number[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Starts a thread for each worker, if that is not done yet. They may do what the process may do now. @param isHeld they wait to be told to run */
  load(isHeld: boolean): void {
    if (this.all.length > 0) return;
    const { memory, workers } = this.#engine;
    for (const _ of workers) {
      const { address } = memory.allocate(CONTROL_SIZE);
      const control = new Int32Array(memory.memory.buffer, address, CONTROL_SIZE / 4);
      if (isHeld) control[CONTROL.state] = STATES.waiting;
      const event = createEvent();
      this.#controls.push(address);
      this.#events.push(event);
      this.all.push(
        new LiveThread({ program: new URL("./live-thread.js", import.meta.url), control, event }),
      );
    }
  }

  /** Resolves when all run. Rejects with what keeps one from it. */
  async run({ seats }: Pick<OpenedPorts, "seats">, { bells }: Pick<LiveSenders, "bells">): Promise<void> {
    for (const [i, thread] of this.all.entries()) {
      const seat: ThreadSeat = {
        engine: this.#engine.seat(i),
        ...seats[i]!,
        control: this.#controls[i]!,
        event: this.#events[i]!,
        bells,
      };
      thread.give(seat);
    }
    await Promise.all(this.all.map(({ ready }) => ready));
  }

  /** Ends all wherever they are. */
  async terminate(): Promise<void> {
    await Promise.all(this.all.map((thread) => thread.terminate()));
  }
}
