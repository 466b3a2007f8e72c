// Whether data-path workers go on. Each counts the rounds of its loop in a word of its own (CONTROL.rounds); one that sleeps goes a
// round every 100 ms, so a word that stays the same for longer is a worker that hangs: in a call of the kernel's, or in a loop.

import { CONTROL } from "./live-control.js";

export class Heartbeat {
  readonly #controls: readonly Int32Array[];
  readonly #seen: number[];

  /** @param controls of each worker */
  constructor(controls: readonly Int32Array[]) {
    this.#controls = controls;
    this.#seen = controls.map(roundsOf);
  }

  /** Workers, by number, that have not gone a round since this was asked last. */
  still(): number[] {
    const still: number[] = [];
    for (const [i, control] of this.#controls.entries()) {
      const rounds = roundsOf(control);
      if (rounds === this.#seen[i]) still.push(i);
      this.#seen[i] = rounds;
    }
    return still;
  }
}

function roundsOf(control: Int32Array): number {
  return Atomics.load(control, CONTROL.rounds);
}
