// The engine in a sender's thread: an instance of its own over the shared memory, which takes packets out of sniffers' queues, of every
// worker, and settles them. What it has taken is written down in shared memory, so that a thread that comes after one which was ended
// knows what was under way.

import * as at from "../../assembly/memory/layout.js";
import type { LinearMemory } from "./memory.js";
import { SessionTable } from "./sessions.js";
import { type EngineExports, instantiate, loadModule } from "./wasm.js";

/** What a sender's thread is given, by `postMessage`. */
export interface SenderSeat {
  readonly memory: WebAssembly.Memory;
  /** Addresses of the workers' blocks. */
  readonly workers: readonly number[];
}

// A queue's notes: of which worker the batch is (number + 1), what had been taken before, and the records of the batch.
const NOTE_WORKER = 0;
const NOTE_BEFORE = 4;
const NOTE_RECORDS = 64;
/** Bytes of the notes for one queue. */
const NOTES_SIZE = NOTE_RECORDS + at.IN_FLIGHT_MAX * 4;

/** Frames that are looked at together: as many as there are messages in a call of sendmmsg. */
const WINDOW = 256;

export class SenderThread {
  readonly memory: Pick<LinearMemory, "u8" | "u32">;
  readonly #exports: EngineExports;
  readonly #workers: readonly number[];
  readonly #sessions: readonly SessionTable[];
  #attached = -1;

  private constructor(exports: EngineExports, { memory, workers }: SenderSeat) {
    this.#exports = exports;
    this.#workers = workers;
    this.memory = { u8: new Uint8Array(memory.buffer), u32: new Uint32Array(memory.buffer) };
    this.#sessions = workers.map((worker) => new SessionTable(this.memory, worker));
  }

  /** Throws ABI_MISMATCH. */
  static async attach(seat: SenderSeat): Promise<SenderThread> {
    return new SenderThread(await instantiate(await loadModule("shared"), seat.memory), seat);
  }

  /** Makes notes for a queue, in the main thread. Gives their address. */
  static notes(memory: LinearMemory): number {
    return memory.allocate(NOTES_SIZE).address;
  }

  /**
   * Queue `number`, whose notes are at `notes`. What another thread had taken of it and not settled is a send error: nobody knows
   * whether it was sent.
   */
  queue(number: number, notes: number): OutgoingQueue {
    const queue = new OutgoingQueue(this, number, notes, this.#workers.length);
    queue.recover();
    return queue;
  }

  /** @internal */
  header(worker: number, queue: number): number {
    return this.memory.u32[(this.#workers[worker]! + at.WORKER_QUEUES) >>> 2]! + queue * at.QUEUE_SIZE;
  }
  /** @internal */
  records(worker: number): number {
    return this.memory.u32[(this.#workers[worker]! + at.WORKER_RECORDS) >>> 2]!;
  }
  /** @internal */
  take(worker: number, queue: number, into: number): number {
    this.#attach(worker);
    return this.#exports.takeFrom(queue, at.IN_FLIGHT_MAX, into);
  }
  /** @internal */
  settle(worker: number, queue: number, entry: number, sent: boolean): void {
    this.#attach(worker);
    this.#exports.settleFrom(queue, entry, sent ? 1 : 0);
  }
  /** @internal */
  encode(record: number, id: number, to: number, limit: number): number {
    return this.#exports.encodeRecord(record, id, to, limit) >>> 0;
  }
  /** @internal */
  sessionName(worker: number, session: number): string {
    return session < 0 ? "untracked" : this.#sessions[worker]!.name(session);
  }

  #attach(worker: number): void {
    if (this.#attached === worker) return;
    this.#attached = worker;
    this.#exports.attach(this.#workers[worker]!, 0);
  }
}

/**
 * A sniffer's queues in all workers, as its sender sees them. `take` gives how many frames can be sent, numbered from 0, IP fragments of
 * one packet behind one another; `settle` says what came of the first of them.
 */
export class OutgoingQueue {
  readonly #thread: SenderThread;
  readonly #words: Uint32Array;
  readonly #queue: number;
  readonly #notes: number;
  readonly #headers: readonly number[];
  /** Of whose queue the batch is. */
  #worker = 0;
  /** The batch: how many records, how many of them stand in the window or did, and how many are settled. */
  #taken = 0;
  #listed = 0;
  #settled = 0;
  /** Number of the fragment that comes into the window next, or NONE: the next packet does. */
  #fragment: number = at.NONE;
  /** Records (addresses) of frames, and whether each is the last of its packet. */
  readonly #window = new Uint32Array(WINDOW);
  readonly #isLast = new Uint8Array(WINDOW);
  #first = 0;
  #end = 0;

  /** @internal */
  constructor(thread: SenderThread, queue: number, notes: number, workers: number) {
    this.#thread = thread;
    this.#words = thread.memory.u32;
    this.#queue = queue;
    this.#notes = notes;
    this.#headers = Array.from({ length: workers }, (_, worker) => thread.header(worker, queue));
  }

  /** Whether something waits: here, or in a worker's queue. */
  get isWaiting(): boolean {
    if (this.#settled < this.#taken) return true;
    for (const header of this.#headers) {
      const head = Atomics.load(this.#words, (header + at.QUEUE_HEAD) >>> 2);
      if (Atomics.load(this.#words, (header + at.QUEUE_TAIL) >>> 2) !== head) return true;
    }
    return false;
  }

  /** Takes a batch of the next worker's queue that has one, when none is left of the last. Gives how many frames there are. */
  take(): number {
    if (this.#first < this.#end) return this.#end - this.#first;
    for (let i = 0; this.#settled === this.#taken; i++) {
      if (i === this.#headers.length) return 0;
      this.#worker = (this.#worker + 1) % this.#headers.length;
      this.#takeBatch();
    }
    this.#fill();
    return this.#end;
  }

  #takeBatch(): void {
    this.#words[(this.#notes + NOTE_WORKER) >>> 2] = this.#worker + 1;
    this.#words[(this.#notes + NOTE_BEFORE) >>> 2] = this.#takenOf(this.#worker);
    this.#taken = this.#thread.take(this.#worker, this.#queue, this.#notes + NOTE_RECORDS);
    this.#listed = 0;
    this.#settled = 0;
  }

  #fill(): void {
    const records = this.#thread.records(this.#worker);
    let end = 0;
    while (end < WINDOW) {
      let entry = this.#fragment;
      if (entry === at.NONE) {
        if (this.#listed === this.#taken) break;
        entry = this.#entry(this.#listed++);
      }
      const record = records + entry * at.RECORD_SIZE;
      this.#fragment = this.#words[(record + at.RECORD_NEXT) >>> 2]! | 0;
      this.#window[end] = record;
      this.#isLast[end++] = this.#fragment === at.NONE ? 1 : 0;
    }
    this.#first = 0;
    this.#end = end;
  }

  /** The first `sent` frames are sent; and with `refused` the one behind them cannot be, nor what is left of its packet. */
  settle(sent: number, refused: boolean): void {
    const end = this.#first + sent;
    for (; this.#first < end; this.#first++) if (this.#isLast[this.#first] === 1) this.#settleNext(true);
    if (!refused) return;
    this.#settleNext(false);
    while (this.#first < this.#end && this.#isLast[this.#first] === 0) this.#first++;
    if (this.#first < this.#end) this.#first++;
    else this.#fragment = at.NONE;
  }

  /** What of a batch that another thread took is not settled: its last records, as they are settled in their order. */
  recover(): void {
    const worker = this.#words[(this.#notes + NOTE_WORKER) >>> 2]! - 1;
    if (worker < 0) return;
    const counted = (field: number) => this.#words[(this.#headers[worker]! + field) >>> 2]!;
    const settled = counted(at.QUEUE_SENT + at.QUEUE_THREAD) + counted(at.QUEUE_THREAD_SEND_ERROR);
    const taken = this.#takenOf(worker);
    const count = (taken - this.#words[(this.#notes + NOTE_BEFORE) >>> 2]!) >>> 0;
    const left = (taken - settled) >>> 0;
    for (let i = count - left; i < count; i++)
      this.#thread.settle(worker, this.#queue, this.#entry(i), false);
  }

  #settleNext(sent: boolean): void {
    this.#thread.settle(this.#worker, this.#queue, this.#entry(this.#settled++), sent);
  }
  #entry(i: number): number {
    return this.#words[((this.#notes + NOTE_RECORDS) >>> 2) + i]!;
  }
  /** The low word of the count. */
  #takenOf(worker: number): number {
    return this.#words[(this.#headers[worker]! + at.QUEUE_TAKEN + at.QUEUE_THREAD) >>> 2]!;
  }

  /** Where frame `i` begins in linear memory. */
  address(i: number): number {
    return this.#field(i, at.RECORD_FRAME);
  }
  /** Bytes of frame `i`. */
  length(i: number): number {
    return this.#field(i, at.RECORD_LENGTH);
  }
  /** Link type of a packet in quarantine. */
  linkType(i: number): number {
    return this.#field(i, at.RECORD_LINK_TYPE);
  }
  /** Number of the worker whose packets these are. */
  get worker(): number {
    return this.#worker;
  }
  /** Number of the mirror session's entry in that worker's table, or -1. */
  session(i: number): number {
    return this.#field(i, at.RECORD_ABOUT + at.SESSION - at.HAS) | 0;
  }
  /** `erspan/192.0.2.1/100`; `untracked` of a frame whose session the full table could not take. */
  sessionName(i: number): string {
    return this.#thread.sessionName(this.#worker, this.session(i));
  }
  /**
   * Writes frame `i` between `to` and `limit` in linear memory, as a pcapng block of interface number `id`. Gives the address after it, or
   * 0 when it does not fit.
   */
  encode(i: number, id: number, to: number, limit: number): number {
    return this.#thread.encode(this.#window[this.#first + i]!, id, to, limit);
  }

  #field(i: number, offset: number): number {
    return this.#words[(this.#window[this.#first + i]! + offset) >>> 2]!;
  }
}
