// An eventfd (eventfd(2)): one thread sleeps in `poll` on it, others wake it by its number, which all threads of a process share.
// A sleeper drains it first and looks for work then, so that work which came with a wake-up is never slept over.

import { constants } from "node:os";
import { check, errno, libc, systemError } from "./libc.js";

const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;

const ONE = new Uint8Array(BigUint64Array.of(1n).buffer);
const count = new Uint8Array(8);

/** @throws SpangateError SYSTEM_CALL */
export function createEvent(): number {
  return check(libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd", "make an event to wake a worker");
}

/** Wakes who sleeps on `fd`, or keeps it from falling asleep. */
export function wake(fd: number): void {
  // EAGAIN: it was woken 2^64 - 2 times and has not drained, so it is awake.
  if (libc.write(fd, ONE, 8) < 0 && errno() !== constants.errno.EAGAIN)
    throw systemError(errno(), "write", "wake a worker");
}

/** Takes the wake-ups away. Whether there was one. */
export function drain(fd: number): boolean {
  if (libc.read(fd, count, 8) >= 0) return true;
  if (errno() !== constants.errno.EAGAIN) throw systemError(errno(), "read", "take the wake-ups of a worker");
  return false;
}
