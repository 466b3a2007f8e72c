// A sender as the main thread has it: a thread that is started anew when it breaks, a few times and each time later, with the same queues.
// What waits in them stays there meanwhile.

import type { Engine } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import { close, createEvent } from "../linux/index.js";
import { CONTROL, CONTROL_SIZE, STATES } from "./live-control.js";
import { endThreads, LiveThread } from "./live-thread-handle.js";
import type { BellSeat } from "./sender-bells.js";
import type { OutletSeat, SenderOrder, SenderThreadSeat, SenderWord } from "./sender-seats.js";

/** Milliseconds before it is started again, the first time and so on. One that has run for `STEADY` begins from the start. */
const PAUSES = [100, 1000, 5000];
const STEADY = 60_000;
/** Bytes of the area for files' blocks: some frames of the longest. */
const AREA = 1 << 18;

/** Who hears of it. */
export interface SenderListener {
  /** What it has said about one of its sniffers, or about itself under its own name. */
  trouble(name: string, text: string | undefined): void;
  remark(text: string): void;
  fatal(error: unknown): void;
  left(queue: number): void;
  /** A queue's sink has made room for another. */
  replaced(queue: number): void;
}

export class SenderHandle {
  /** For workers. */
  readonly bell: BellSeat;
  readonly #engine: Engine;
  readonly #program: URL;
  readonly #listener: SenderListener;
  readonly #control: Int32Array;
  readonly #outlets = new Map<number, OutletSeat>();
  #area: SenderThreadSeat["area"] | undefined;
  #thread: LiveThread | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #started = 0;
  #isStopping = false;

  constructor(
    engine: Engine,
    listener: SenderListener,
    program = new URL("./sender-thread.js", import.meta.url),
  ) {
    this.#engine = engine;
    this.#listener = listener;
    this.#program = program;
    const { memory } = engine;
    const control = memory.allocate(CONTROL_SIZE).address;
    this.#control = new Int32Array(memory.memory.buffer, control, CONTROL_SIZE / 4);
    this.bell = { control, event: createEvent() };
  }

  /** Its sniffers, for people. */
  get name(): string {
    return `the sender of ${[...this.#outlets.values()].map(({ name }) => name).join(", ")}`;
  }

  /** Queues that it looks at. */
  get outlets(): ReadonlyMap<number, OutletSeat> {
    return this.#outlets;
  }

  /** Gives it a queue, or another sink for one that it has. Resolves when a thread is there. Rejects when that cannot start. */
  async add(outlet: OutletSeat): Promise<void> {
    this.#outlets.set(outlet.queue, outlet);
    if (this.#thread !== undefined) this.#order({ add: outlet });
    else await this.start();
  }

  /** It empties the queue, and leaves it. */
  remove(queue: number): void {
    if (!this.#outlets.delete(queue)) return;
    if (this.#thread !== undefined) this.#order({ remove: queue });
    else this.#listener.left(queue);
  }

  #order(order: SenderOrder): void {
    this.#thread?.post(order);
  }

  /** Starts a thread, when it has queues and there is none. Rejects with what keeps it from starting. */
  async start(): Promise<void> {
    if (this.#thread !== undefined || this.#outlets.size === 0 || this.#isStopping) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { memory } = this.#engine;
    this.#area ??= { address: memory.allocate(AREA).address, length: AREA };
    Atomics.store(this.#control, CONTROL.state, STATES.running);
    const seat: SenderThreadSeat = {
      engine: this.#engine.senderSeat,
      area: this.#area,
      control: this.bell.control,
      event: this.bell.event,
      outlets: [...this.#outlets.values()],
    };
    const thread = new LiveThread({
      program: this.#program,
      seat,
      control: this.#control,
      event: this.bell.event,
      keepsEvent: true,
      said: (word) => this.#hear(word as SenderWord),
    });
    this.#thread = thread;
    this.#started = performance.now();
    let isReady = false;
    void thread.ended.then(() => {
      this.#thread = undefined;
    });
    thread.broken.catch(async (error: unknown) => {
      await thread.ended;
      Atomics.store(this.#control, CONTROL.sleeps, 0);
      // Who waits for it to be ready hears of it there.
      if (isReady) this.#restart(error);
    });
    try {
      await thread.ready;
    } catch (error) {
      await thread.ended;
      throw error;
    }
    isReady = true;
  }

  #hear(word: SenderWord): void {
    if (word === "ready") return;
    if ("left" in word) this.#listener.left(word.left);
    else if ("replaced" in word) this.#listener.replaced(word.replaced);
    else if ("trouble" in word) this.#listener.trouble(word.name, word.trouble);
    else if ("remark" in word) this.#listener.remark(word.remark);
    else this.#listener.fatal(SpangateError.revive(word.fatal) ?? new Error(String(word.fatal)));
  }

  #restart(error: unknown): void {
    if (this.#isStopping) return;
    if (performance.now() - this.#started > STEADY) this.#failures = 0;
    const why = `${this.name} broke: ${error instanceof Error ? error.message : String(error)}`;
    const pause = PAUSES[this.#failures++];
    if (pause === undefined) {
      this.#listener.trouble(this.name, `${why}; it is not started again, and what waits for it stays`);
      return;
    }
    this.#listener.remark(`${why}; it is started again`);
    this.#timer = setTimeout(() => {
      this.start().catch((error: unknown) => this.#restart(error));
    }, pause);
  }

  /** Sends what is queued for `deadline` milliseconds at the most, and ends. Gives what went wrong, if anything did. */
  async stop(deadline: number): Promise<unknown> {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    return this.#thread === undefined ? undefined : endThreads([this.#thread], deadline);
  }

  /** Ends it wherever it is. */
  async terminate(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    await this.#thread?.terminate();
  }

  /** When neither it nor a worker runs any more. */
  close(): void {
    close(this.bell.event);
  }
}
