// The first of the equations: every packet received has one fate.

import { type Counters, VERDICTS } from "../engine/index.js";

/** Packets. */
export interface Conservation {
  readonly received: number;
  readonly delivered: number;
  /** In no tunnel, and passed on as they came: `strip --keep-others`. */
  readonly passed: number;
  readonly reassembled: number;
  readonly held: number;
  readonly drops: number;
  /** Whether the sum is right. Of a worker at work it may be some packets off. */
  readonly holds: boolean;
}

export function conservation(
  { counters }: { readonly counters: Counters },
  { keepOthers }: { readonly keepOthers: boolean } = { keepOthers: false },
): Conservation {
  const { received, delivered, reassembled, held } = counters;
  const passed = keepOthers ? counters["not-tunnel"] : 0;
  const fates = VERDICTS.reduce((sum, name) => sum + counters[name], 0);
  const drops = fates - delivered - reassembled - passed;
  return { received, delivered, passed, reassembled, held, drops, holds: received === fates + held };
}
