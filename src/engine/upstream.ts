// What all mirror sessions lost on the way here, by GRE sequence numbers, and those that lost most: looked through a piece at a time, as
// there may be a million of them.

import type { Session, SessionTable } from "./sessions.js";

/** Packets of all sessions with sequence numbers. */
export interface UpstreamLoss {
  /** That never came, so far: one that comes late makes it less. */
  readonly lost: number;
  /** That would have come had none been lost. */
  readonly expected: number;
  readonly reordered: number;
  readonly duplicates: number;
  /** Times that numbers began anew. */
  readonly restarts: number;
}

export const NO_LOSS: UpstreamLoss = { lost: 0, expected: 0, reordered: 0, duplicates: 0, restarts: 0 };

interface Candidate {
  readonly table: SessionTable;
  readonly number: number;
  readonly lost: number;
}

export class UpstreamScan {
  readonly #tables: readonly SessionTable[];
  readonly #most: number;
  #worst: Candidate[] = [];
  #table = 0;
  #next = 0;
  #sessions = 0;
  readonly #loss = { ...NO_LOSS };

  /** @param most sessions in `worst` */
  constructor(tables: readonly SessionTable[], most: number) {
    this.#tables = tables;
    this.#most = most;
  }

  /** Looks at `count` entries more. False when all have been seen. */
  step(count: number): boolean {
    let left = count;
    for (; this.#table < this.#tables.length; this.#table++, this.#next = 0) {
      const table = this.#tables[this.#table]!;
      const end = table.count;
      for (; this.#next < end; this.#next++, left--) {
        if (left === 0) return true;
        this.#look(table, this.#next);
      }
    }
    return false;
  }

  #look(table: SessionTable, number: number): void {
    if (table.isTunnel(number)) return;
    this.#sessions++;
    const track = table.sequenced(number);
    if (track === undefined) return;
    const lost = table.addLoss(track, this.#loss);
    if (lost <= 0) return;
    if (this.#worst.length === this.#most && lost <= this.#worst.at(-1)!.lost) return;
    // Rarely: a session is only moved in when it lost more than all but a few.
    const place = this.#worst.findIndex((other) => other.lost < lost);
    this.#worst.splice(place < 0 ? this.#worst.length : place, 0, { table, number, lost });
    if (this.#worst.length > this.#most) this.#worst.pop();
  }

  /** Sessions there are. */
  get sessions(): number {
    return this.#sessions;
  }
  get loss(): UpstreamLoss {
    return this.#loss;
  }
  /** Those that have lost most, most first; none that lost nothing. */
  get worst(): Session[] {
    return this.#worst.map(({ table, number }) => table.session(number)!);
  }
}
