// A data-path worker's thread as the main thread has it: told what to do, and watched.

import { Worker } from "node:worker_threads";
import { SpangateError } from "../errors.js";
import { close, wake } from "../linux/index.js";
import { CONTROL, STATES } from "./live-control.js";

/** How long a worker that was told to end may take to hear it, in milliseconds. */
const HEARING = 1000;

/** Threads of the data path make no garbage to speak of: what V8 would let young objects grow to, it would keep for long. */
const LIMITS = { maxYoungGenerationSizeMb: 3 };

export interface ThreadOptions {
  /** What it runs. Says something when it is ready. */
  readonly program: URL;
  /** Its data; `give` comes later when absent. */
  readonly seat?: unknown;
  /** Its control words. */
  readonly control: Int32Array;
  /** Wakes it. It is closed with the thread, unless it is for further threads. */
  readonly event: number;
  readonly keepsEvent?: boolean;
  /** Hears what it says when it is ready and afterwards. */
  readonly said?: (message: unknown) => void;
}

export class LiveThread {
  /** Rejects when it breaks before. */
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  /** Rejects when it ends although nobody has told it to. */
  readonly broken: Promise<never>;
  /** Its control words. */
  readonly control: Int32Array;
  readonly #worker: Worker;
  readonly #event: number;
  #isTold = false;
  #isOver = false;

  constructor({ program, seat, control, event, keepsEvent = false, said }: ThreadOptions) {
    const worker = new Worker(program, { workerData: seat, resourceLimits: LIMITS });
    this.#worker = worker;
    this.control = control;
    this.#event = event;
    this.broken = new Promise((_, reject) => {
      worker.once("error", (error) => reject(SpangateError.revive(error) ?? error));
      worker.once("exit", (code) => {
        if (!this.#isTold) reject(new Error(`A worker's thread has ended by itself, with code ${code}.`));
      });
    });
    this.broken.catch(() => {});
    const isReady = new Promise<void>((resolve) => {
      worker.once("message", () => resolve());
    });
    if (said !== undefined) worker.on("message", said);
    this.ready = Promise.race([isReady, this.broken]);
    this.ready.catch(() => {});
    this.ended = new Promise((resolve) => {
      worker.once("exit", () => {
        if (!keepsEvent) close(event);
        this.#isOver = true;
        resolve();
      });
    });
  }

  /** One of STATES. */
  tell(state: number): void {
    if (this.#isOver) return;
    this.#isTold ||= state !== STATES.running;
    Atomics.store(this.control, CONTROL.state, state);
    wake(this.#event);
  }

  /** What a thread that was started without a seat waits for when it is loaded. */
  give(seat: unknown): void {
    this.#worker.postMessage(seat);
  }

  /** Has it look for work, or for another map. */
  wake(): void {
    if (!this.#isOver) wake(this.#event);
  }

  /** Says something to it, and has it listen. */
  post(message: unknown): void {
    this.#worker.postMessage(message);
    this.wake();
  }

  /** Ends it wherever it is. */
  async terminate(): Promise<void> {
    this.#isTold = true;
    await this.#worker.terminate();
  }
}

/**
 * Has all send what is queued and end, those that take longer than `deadline` (ms) without, and those that do not hear by force. Gives
 * what went wrong, if anything did.
 */
export async function endThreads(threads: readonly LiveThread[], deadline: number): Promise<unknown> {
  let failure: unknown;
  for (const { broken } of threads)
    broken.catch((error) => {
      failure ??= error;
    });
  const tell = (state: number) => {
    for (const thread of threads) thread.tell(state);
  };
  tell(STATES.draining);
  const late = setTimeout(() => tell(STATES.stopped), deadline);
  const deaf = setTimeout(() => {
    failure ??= new Error("A worker's thread did not end when it was told to, and was ended by force.");
    for (const thread of threads) void thread.terminate();
  }, deadline + HEARING);
  await Promise.all(threads.map(({ ended }) => ended));
  clearTimeout(late);
  clearTimeout(deaf);
  return failure;
}
