// A sniffer's queue and its sink, in a sender's thread: a batch a turn from the one to the other.

import type { OutgoingQueue } from "../engine/index.js";
import { type Sink, STOPPED } from "../transmit/sink.js";

/** Frames that are handed over in a turn, at the most: then it is the next sniffer's. */
const TURN = 256;

export class QueueDrain {
  /** It goes when it is empty. */
  isLeaving = false;
  readonly #queue: OutgoingQueue;
  #sink: Sink;
  /** When a sink that took nothing is worth asking again, in milliseconds of `performance.now`; 0: it has not said so. */
  #blockedUntil = 0;

  constructor(queue: OutgoingQueue, sink: Sink) {
    this.#queue = queue;
    this.#sink = sink;
  }

  /** Descriptor of a sink that says by it when it takes frames again; -1: it does not. */
  get fd(): number {
    return this.#sink.fd;
  }
  get isBlocked(): boolean {
    return this.#blockedUntil !== 0;
  }
  /** Milliseconds until it is worth trying again. */
  patience(now: number): number {
    return Math.max(1, this.#blockedUntil - now);
  }
  get isWaiting(): boolean {
    return this.#queue.isWaiting;
  }

  /** From now on frames go there. */
  replaceSink(sink: Sink): void {
    this.#sink.close();
    this.#sink = sink;
    this.#blockedUntil = 0;
    this.isLeaving = false;
  }

  /** It takes frames again. */
  unblock(): void {
    this.#blockedUntil = 0;
  }

  /** Hands a batch over, or what of it goes. Gives how many frames are done with. */
  turn(): number {
    if (this.#blockedUntil !== 0 && performance.now() < this.#blockedUntil) return 0;
    this.#blockedUntil = 0;
    let done = 0;
    while (done < TURN) {
      const count = this.#queue.take();
      if (count === 0) break;
      const sent = this.#sink.send(this.#queue, count);
      const isRefused = sent < count && this.#sink.stopped === STOPPED.refused;
      if (sent > 0 || isRefused) this.#queue.settle(sent, isRefused);
      done += isRefused ? sent + 1 : sent;
      if (sent < count && !isRefused) {
        if (sent === 0) this.#blockedUntil = performance.now() + this.#sink.patience;
        break;
      }
    }
    return done;
  }

  close(): void {
    this.#sink.close();
  }
}
