// poll(2) over the same file descriptors again and again, without garbage: the one place where a worker sleeps.
//
//     pollfd   0 fd:32 | 4 events:16 | 6 revents:16

import { constants } from "node:os";
import { errno, libc, systemError } from "./libc.js";

const POLLIN = 0x1;
const POLLOUT = 0x4;
const POLLERR = 0x8;
const POLLHUP = 0x10;
const POLLNVAL = 0x20;

export class PollSet {
  readonly #bytes: Uint8Array;
  readonly #events: Uint16Array;
  readonly #count: number;

  readonly #words: Int32Array;
  readonly #writers: readonly number[];
  readonly #firstWriter: number;

  /**
   * @param fds descriptors: each is ready when there is something to read
   * @param writers further ones, numbered behind them: each is ready when it takes something, and nobody waits for it before `want`
   */
  constructor(fds: readonly number[], writers: readonly number[] = []) {
    this.#count = fds.length + writers.length;
    this.#bytes = new Uint8Array(8 * this.#count);
    this.#events = new Uint16Array(this.#bytes.buffer);
    this.#words = new Int32Array(this.#bytes.buffer);
    this.#writers = writers;
    this.#firstWriter = fds.length;
    for (const [i, fd] of fds.entries()) {
      this.#words[2 * i] = fd;
      this.#events[4 * i + 2] = POLLIN;
    }
    for (let i = 0; i < writers.length; i++) {
      this.#events[4 * (fds.length + i) + 2] = POLLOUT;
      this.want(i, false);
    }
  }

  /** Whether writer `i`, counted from 0, is waited for. */
  want(i: number, isWanted: boolean): void {
    // The kernel passes over negative ones.
    this.#words[2 * (this.#firstWriter + i)] = isWanted ? this.#writers[i]! : -1;
  }

  /**
   * Sleeps until one of them is ready, or for `timeout` milliseconds (-1: for ever). A signal ends it early, as does
   * `becomeUser`, which changes threads by a signal (nptl(7)): who has slept looks again anyway.
   *
   * @returns how many are ready; 0 when the time is over or a signal came
   */
  wait(timeout: number): number {
    const ready = libc.poll(this.#bytes, this.#count, timeout);
    if (ready >= 0) return ready;
    if (errno() !== constants.errno.EINTR) throw systemError(errno(), "poll", "wait for packets");
    // The kernel has left them as they were.
    for (let i = 0; i < this.#count; i++) this.#events[4 * i + 3] = 0;
    return 0;
  }

  /** Whether there was something to read from descriptor `i`. */
  ready(i: number): boolean {
    return (this.#events[4 * i + 3]! & POLLIN) !== 0;
  }

  /** Whether descriptor `i` takes something. */
  writable(i: number): boolean {
    return (this.#events[4 * i + 3]! & POLLOUT) !== 0;
  }

  /** Whether descriptor `i` has an error to tell (a socket: SO_ERROR), was hung up, or is closed. */
  failed(i: number): boolean {
    return (this.#events[4 * i + 3]! & (POLLERR | POLLHUP | POLLNVAL)) !== 0;
  }
}
