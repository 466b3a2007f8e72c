// The sniffers' queues: which number has which name, and their accounts. A sniffer keeps its queue from map to map; one that is
// removed, or whose queue is of another length now, drains the old one, and its accounts stay.

import * as at from "../../assembly/memory/layout.js";
import { SpangateError } from "../errors.js";
import { LINE, type LinearMemory, powerOfTwo } from "./memory.js";
import type { QueueBook } from "./queue-book.js";
import type { EngineExports } from "./wasm.js";

/** Packets of a sniffer: offered = sent + tooLarge + rate + droppedNewest + droppedOldest + sendError + queued + inFlight. */
export interface SnifferAccounts {
  readonly offered: number;
  readonly sent: number;
  readonly tooLarge: number;
  readonly rate: number;
  readonly droppedNewest: number;
  readonly droppedOldest: number;
  readonly sendError: number;
  /** Now. */
  readonly queued: number;
  /** Taken by a sender that is not done with them, now. */
  readonly inFlight: number;
  /** Bytes of the packets sent. */
  readonly sentBytes: number;
}

interface Queue {
  readonly name: string;
  readonly limit: number;
  readonly dropOldest: boolean;
  readonly threaded: boolean;
  /** The last map that names it. */
  map: number;
}

/** How many queues there can be, and which of them another thread consumes. */
export interface QueueOptions {
  readonly queues: number;
  readonly threaded: (sniffer: string) => boolean;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export class QueueStore implements QueueBook {
  readonly #memory: LinearMemory;
  readonly #exports: EngineExports;
  /** Of each worker: a sniffer has one queue in each, under one number. */
  readonly #headers: readonly number[];
  readonly #capacity: number;
  readonly #threaded: (sniffer: string) => boolean;
  readonly #queues: (Queue | undefined)[] = [];
  /** Number of the present queue by name. */
  readonly #numbers = new Map<string, number>();
  /** What became of packets in queues that have another name now. */
  readonly #closed = new Map<string, SnifferAccounts>();
  #map = 0;
  /** Queues opened for the last map that was begun, and which queue their sniffers had before. */
  #opened: { number: number; name: string; before: number | undefined }[] = [];
  /** Queues that this map can have; found when it asks for the first. */
  #unused: number[] | undefined;

  /** @internal */
  constructor(
    memory: LinearMemory,
    exports: EngineExports,
    workers: readonly number[],
    options: QueueOptions,
  ) {
    const { queues, threaded } = options;
    this.#memory = memory;
    this.#exports = exports;
    this.#capacity = queues;
    this.#threaded = threaded;
    const ready = powerOfTwo(queues);
    this.#headers = workers.map((worker) => {
      const headers = memory.allocate(queues * at.QUEUE_SIZE).address;
      const set = (field: number, value: number) => {
        memory.u32[(worker + field) >>> 2] = value;
      };
      set(at.WORKER_QUEUES, headers);
      set(at.WORKER_READY, memory.allocate(ready * 8).address);
      set(at.WORKER_READY_MASK, ready - 1);
      return headers;
    });
  }

  /** Sniffers that have or had a queue, by its number. */
  name(number: number): string {
    return this.#queues[number]!.name;
  }

  /**
   * Begins map number `map`: queues that neither it nor the one before it asks for may be given to others once they are empty. A map
   * that is refused leaves its number to the next.
   */
  beginMap(map: number): void {
    this.#opened = [];
    this.#map = map;
    this.#unused = undefined;
  }

  /** What was opened for the map that was begun never held a packet. */
  refuseMap(): void {
    for (const { number, name, before } of this.#opened.reverse()) {
      this.#queues[number] = undefined;
      if (before === undefined) this.#numbers.delete(name);
      else this.#numbers.set(name, before);
    }
    this.#opened = [];
  }

  /** Number of the queue that a sniffer has now, for the sender that empties it. */
  present(sniffer: string): number | undefined {
    return this.#numbers.get(sniffer);
  }

  /**
   * The number of the queue of sniffer `name`, for `limit` packets.
   *
   * Throws MEMORY_EXHAUSTED when there is no room for one more.
   */
  number(name: string, limit: number, dropOldest: boolean): number {
    const present = this.#numbers.get(name);
    const threaded = this.#threaded(name);
    if (present !== undefined) {
      const queue = this.#queues[present]!;
      if (queue.limit === limit && queue.dropOldest === dropOldest && queue.threaded === threaded) {
        queue.map = this.#map;
        return present;
      }
    }
    this.#unused ??= this.#findUnused();
    const number = this.#unused.pop() ?? this.#fresh(name);
    const queue = { name, limit, dropOldest, threaded, map: this.#map };
    this.#opened.push({ number, name, before: present });
    this.#queues[number] = queue;
    this.#numbers.set(name, number);
    for (const headers of this.#headers) this.#open(headers + number * at.QUEUE_SIZE, queue);
    return number;
  }

  #fresh(name: string): number {
    if (this.#queues.length < this.#capacity) return this.#queues.length;
    throw new SpangateError(
      "MEMORY_EXHAUSTED",
      `There is no queue left for sniffer ${name}: this engine has ${this.#capacity}.`,
      { details: { queues: this.#capacity } },
    );
  }

  /**
   * Frees the slots of packets that senders in other threads are done with. To be called in each round of the worker's loop, idle ones
   * too: the engine does so for a sniffer only when it offers it a packet, and a sender gets no more than IN_FLIGHT_MAX before.
   */
  reclaim(): void {
    for (const [number, queue] of this.#queues.entries()) {
      if (queue?.threaded) this.#exports.reclaim(number);
    }
  }

  /** Queues that the last two maps did not name and that are empty: nobody's now, their accounts kept. */
  #findUnused(): number[] {
    this.reclaim();
    const unused: number[] = [];
    for (const [number, queue] of this.#queues.entries()) {
      if (queue === undefined) unused.push(number);
      if (queue === undefined || queue.map >= this.#map - 1) continue;
      const accounts = this.#read(number);
      if (accounts.queued + accounts.inFlight > 0) continue;
      this.#closed.set(queue.name, sum(this.#closed.get(queue.name), accounts));
      if (this.#numbers.get(queue.name) === number) this.#numbers.delete(queue.name);
      this.#queues[number] = undefined;
      unused.push(number);
    }
    return unused;
  }

  /** Of a queue that is empty, or was never used. Its places count on: a sender that still looks at it sees nothing. */
  #open(header: number, { limit, dropOldest, threaded }: Queue): void {
    const words = header >>> 2;
    const word = (field: number) => this.#memory.u32[words + field / 4]!;
    const places = powerOfTwo(limit);
    const hadPlaces = word(at.QUEUE_MASK) + 1;
    let ring = word(at.QUEUE_RING);
    // Rings of a power of two, one behind another, would have their first lines in the same few cache sets: hence a line more.
    if (ring === 0 || hadPlaces < places) ring = this.#memory.allocate(places * 4 + LINE).address;
    let returns = word(at.QUEUE_RETURNS);
    if (threaded && returns === 0) returns = this.#memory.allocate(at.IN_FLIGHT_MAX * 4).address;
    const { u32 } = this.#memory;
    const head = this.#queueHead(header);
    const tail = word(at.QUEUE_TAIL);
    // One that is on the ready list still stays on it, and is not entered again.
    const listed = word(at.QUEUE_FLAGS) & at.QUEUE_LISTED;
    u32.fill(0, words, words + at.QUEUE_SIZE / 4);
    u32[words + at.QUEUE_TAIL / 4] = tail;
    u32[words + at.QUEUE_SEEN / 4] = head;
    if (threaded) u32[words + at.QUEUE_HEAD / 4] = head;
    u32[words + at.QUEUE_RING / 4] = ring;
    u32[words + at.QUEUE_MASK / 4] = Math.max(places, hadPlaces) - 1;
    u32[words + at.QUEUE_LIMIT / 4] = limit;
    u32[words + at.QUEUE_FLAGS / 4] =
      listed | (dropOldest ? at.QUEUE_DROP_OLDEST : 0) | (threaded ? at.QUEUE_THREADED : 0);
    u32[words + at.QUEUE_RETURNS / 4] = returns;
  }

  /** Accounts of all sniffers that ever had a queue, since the engine was created. */
  accounts(): ReadonlyMap<string, SnifferAccounts> {
    const all = new Map(this.#closed);
    for (const [number, queue] of this.#queues.entries()) {
      if (queue !== undefined) all.set(queue.name, sum(all.get(queue.name), this.#read(number)));
    }
    return all;
  }

  /** Accounts of the queue that sniffer `name` has now. */
  accountsOf(name: string): SnifferAccounts | undefined {
    const number = this.#numbers.get(name);
    return number === undefined ? undefined : this.#read(number);
  }

  #isThreaded(header: number): boolean {
    return (this.#memory.u32[(header + at.QUEUE_FLAGS) >>> 2]! & at.QUEUE_THREADED) !== 0;
  }
  #queueHead(header: number): number {
    const field = this.#isThreaded(header) ? at.QUEUE_HEAD : at.QUEUE_SEEN;
    return this.#memory.u32[(header + field) >>> 2]!;
  }
  /** Packets that wait. */
  #queued(header: number): number {
    if (this.#isThreaded(header)) {
      const head = this.#queueHead(header); // before the tail, which may be moving: never more is taken than was queued
      return (this.#memory.u32[(header + at.QUEUE_TAIL) >>> 2]! - head) >>> 0;
    }
    // A queue that is empty begins anew, with both at once.
    const both = Atomics.load(this.#memory.u64, (header + at.QUEUE_TAIL) >>> 3);
    return (Number(both & 0xffff_ffffn) - Number(both >> 32n)) >>> 0;
  }

  /** Of all workers. */
  #read(number: number): SnifferAccounts {
    let total: SnifferAccounts | undefined;
    for (const headers of this.#headers)
      total = sum(total, this.#readHeader(headers + number * at.QUEUE_SIZE));
    return total!;
  }

  #readHeader(header: number): SnifferAccounts {
    const long = (offset: number) => Number(this.#memory.u64[(header + offset) >>> 3]!);
    const own = this.#isThreaded(header) ? at.QUEUE_THREAD : 0;
    const queued = this.#queued(header);
    const sent = long(at.QUEUE_SENT + own);
    const sendError = long(at.QUEUE_SEND_ERROR);
    return {
      offered: long(at.QUEUE_OFFERED),
      sent,
      tooLarge: long(at.QUEUE_TOO_LARGE),
      rate: long(at.QUEUE_RATE),
      droppedNewest: long(at.QUEUE_DROPPED_NEWEST),
      droppedOldest: long(at.QUEUE_DROPPED_OLDEST),
      sendError,
      queued,
      inFlight: long(at.QUEUE_TAKEN + own) - sent - sendError,
      sentBytes: long(at.QUEUE_SENT_BYTES + own),
    };
  }
}

function sum(a: SnifferAccounts | undefined, b: SnifferAccounts): SnifferAccounts {
  if (a === undefined) return b;
  const total: Mutable<SnifferAccounts> = { ...a };
  for (const key of Object.keys(b) as (keyof SnifferAccounts)[]) total[key] += b[key];
  return total;
}
