// Sleeping for some microseconds. A thread's timers may come late by its slack, 50 us unless it says otherwise (prctl(2)).

import { check, libc } from "./libc.js";

const PR_SET_TIMERSLACK = 29;
const SLACK = 1000;

/** The calling thread's timers come to the microsecond from now on. @throws SpangateError SYSTEM_CALL */
export function sharpenTimers(): void {
  check(libc.prctl(PR_SET_TIMERSLACK, SLACK, 0, 0, 0), "prctl", "set a thread's timer slack");
}

/** A signal ends it early. */
export function nap(microseconds: number): void {
  libc.usleep(microseconds);
}
