// How much of a processor data-path workers get beside what else wants it: the garbage collector of the main thread, above all, which
// would take every second slice of some milliseconds from them, and packets with it.

import { getPriority, setPriority } from "node:os";

/** Steps of niceness: about nine tenths of a processor that two threads want. */
const STEPS = 10;
const HIGHEST = -20;

/**
 * Threads that the calling one makes from now on go before its own and others', where that is permitted (CAP_SYS_NICE). Gives what ends
 * this.
 */
export function favourThreads(): () => void {
  const usual = getPriority();
  try {
    setPriority(Math.max(HIGHEST, usual - STEPS));
  } catch {
    return () => {};
  }
  return () => setPriority(usual);
}
