// The mirror sessions that are to be looked at first, out of tables of any length. Only for those an object is made.

import type { Session, SessionTable } from "./sessions.js";
import { NO_LOSS, type UpstreamLoss } from "./upstream.js";

export interface WorstSessions {
  /** Those that have lost most first; among equals, those with most packets. */
  readonly sessions: readonly Session[];
  /** How many there are in all. */
  readonly count: number;
  /** Of all. */
  readonly upstream: UpstreamLoss;
}

interface Candidate {
  readonly table: SessionTable;
  readonly number: number;
  readonly lost: number;
  readonly packets: number;
}

/** Up to `most` sessions of these tables. */
export function worstSessions(tables: readonly SessionTable[], most: number): WorstSessions {
  let best: Candidate[] = [];
  let last: Candidate | undefined;
  let count = 0;
  const upstream = { ...NO_LOSS };
  const choose = () => {
    best = best.sort(byLoss).slice(0, most);
    if (best.length === most) last = best.at(-1);
  };
  for (const table of tables) {
    const end = table.count;
    for (let number = 0; number < end; number++) {
      if (table.isTunnel(number)) continue;
      count++;
      const track = table.sequenced(number);
      const lost = track === undefined ? 0 : table.addLoss(track, upstream);
      const candidate = { table, number, lost, packets: table.packets(number) };
      if (last !== undefined && byLoss(last, candidate) <= 0) continue;
      best.push(candidate);
      if (best.length > 2 * most) choose();
    }
  }
  choose();
  return { sessions: best.map(({ table, number }) => table.session(number)!), count, upstream };
}

function byLoss(a: Candidate, b: Candidate): number {
  return b.lost - a.lost || b.packets - a.packets;
}
