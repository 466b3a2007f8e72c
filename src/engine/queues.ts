// The sniffers' queues: which number has which name, and their accounts. A sniffer keeps its queue from map to map; one that is
// removed, or whose queue is of another length now, drains the old one, and its accounts stay.

import * as at from "../../assembly/memory/layout.js";
import { SpangateError } from "../errors.js";
import { FormerAccounts } from "./former-accounts.js";
import { LINE, type LinearMemory, powerOfTwo } from "./memory.js";
import type { QueueBook } from "./queue-book.js";
import { addAccounts, type SnifferAccounts } from "./sniffer-accounts.js";
import type { EngineExports } from "./wasm.js";

interface Queue {
  readonly name: string;
  readonly limit: number;
  readonly dropOldest: boolean;
  readonly threaded: boolean;
  /** Its number, of a queue that another thread empties. */
  readonly sender: number;
  /** The last map that names it. */
  map: number;
}

/** How many queues there can be, and which of them another thread consumes. */
export interface QueueOptions {
  readonly queues: number;
  readonly threaded: (sniffer: string) => boolean;
  readonly sender: (sniffer: string) => number;
}

/** Of the queue for packets of no tenant. No sniffer is called so. */
const QUARANTINE = "";

export class QueueStore implements QueueBook {
  readonly #memory: LinearMemory;
  readonly #exports: EngineExports;
  /** Of each worker: a sniffer has one queue in each, under one number. */
  readonly #headers: readonly number[];
  readonly #capacity: number;
  readonly #threaded: (sniffer: string) => boolean;
  readonly #sender: (sniffer: string) => number;
  /** Blocks of the workers. */
  readonly #workers: readonly number[];
  /** Numbers that stand in the workers' lists of queues which other threads empty, for good. */
  readonly #listed = new Set<number>();
  /** Numbers that a sender looks at. */
  readonly #attended = new Set<number>();
  /** Workers run in threads of their own, which alone may touch their slots. */
  #isShared = false;
  readonly #queues: (Queue | undefined)[] = [];
  /** Number of the present queue by name. */
  readonly #numbers = new Map<string, number>();
  readonly #former = new FormerAccounts();
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
    const { queues, threaded, sender } = options;
    this.#memory = memory;
    this.#exports = exports;
    this.#capacity = queues;
    this.#threaded = threaded;
    this.#sender = sender;
    this.#workers = workers;
    const ready = powerOfTwo(queues);
    this.#headers = workers.map((worker) => {
      const headers = memory.allocate(queues * at.QUEUE_SIZE).address;
      const set = (field: number, value: number) => {
        memory.u32[(worker + field) >>> 2] = value;
      };
      set(at.WORKER_QUEUES, headers);
      set(at.WORKER_READY, memory.allocate(ready * 8).address);
      set(at.WORKER_READY_MASK, ready - 1);
      set(at.WORKER_THREADED, memory.allocate(queues * 4).address);
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
      if (!this.#numbers.has(name)) this.#former.leave(name);
    }
    this.#opened = [];
  }

  /**
   * Opens a queue for `limit` packets of no tenant, which sender number `sender` empties. It is no sniffer's: `accounts` has it not.
   * Gives its number.
   *
   * Throws MEMORY_EXHAUSTED when there is no room for one more.
   */
  openQuarantine(limit: number, sender: number): number {
    const number = this.#fresh("quarantine");
    const queue = { name: QUARANTINE, limit, dropOldest: false, threaded: true, sender, map: Infinity };
    this.#queues[number] = queue;
    this.#numbers.set(QUARANTINE, number);
    for (const headers of this.#headers) this.#open(headers + number * at.QUEUE_SIZE, queue);
    this.#list(number);
    for (const worker of this.#workers) this.#memory.u32[(worker + at.WORKER_QUARANTINE) >>> 2] = number + 1;
    return number;
  }

  /** Accounts of that queue. */
  get quarantine(): SnifferAccounts | undefined {
    return this.accountsOf(QUARANTINE);
  }

  /** A sender looks at queue `number` from now on: nobody else gets it, however long it is empty. */
  attend(number: number): void {
    this.#attended.add(number);
  }
  /** And no more. */
  unattend(number: number): void {
    this.#attended.delete(number);
  }

  /** From now on the workers' threads reclaim. */
  share(): void {
    this.#isShared = true;
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
    const queue = { name, limit, dropOldest, threaded, sender: this.#sender(name), map: this.#map };
    this.#opened.push({ number, name, before: present });
    this.#queues[number] = queue;
    this.#former.return(name);
    this.#numbers.set(name, number);
    for (const headers of this.#headers) this.#open(headers + number * at.QUEUE_SIZE, queue);
    if (threaded) this.#list(number);
    return number;
  }

  /** Has the workers reclaim it. */
  #list(number: number): void {
    if (this.#listed.has(number)) return;
    const count = this.#listed.size;
    const { u32 } = this.#memory;
    for (const worker of this.#workers) {
      u32[(u32[(worker + at.WORKER_THREADED) >>> 2]! >>> 2) + count] = number;
      Atomics.store(u32, (worker + at.WORKER_THREADED_COUNT) >>> 2, count + 1);
    }
    this.#listed.add(number);
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
    if (!this.#isShared) this.reclaim();
    const unused: number[] = [];
    for (const [number, queue] of this.#queues.entries()) {
      if (queue === undefined) unused.push(number);
      if (queue === undefined || queue.map >= this.#map - 1) continue;
      if (this.#attended.has(number) || !this.#isReclaimed(number)) continue;
      const accounts = this.#read(number);
      if (accounts.queued + accounts.inFlight > 0) continue;
      if (this.#numbers.get(queue.name) === number) this.#numbers.delete(queue.name);
      this.#queues[number] = undefined;
      this.#former.add(queue.name, accounts, this.#numbers.has(queue.name));
      unused.push(number);
    }
    return unused;
  }

  /** Whether every worker has the slots back of what another thread was done with. */
  #isReclaimed(number: number): boolean {
    return this.#headers.every((headers) => {
      const header = headers + number * at.QUEUE_SIZE;
      const word = (field: number) => Atomics.load(this.#memory.u32, (header + field) >>> 2);
      return !this.#isThreaded(header) || word(at.QUEUE_RETURNED) === word(at.QUEUE_RECLAIMED);
    });
  }

  /** Of a queue that is empty, or was never used. Its places count on: a sender that still looks at it sees nothing. */
  #open(header: number, { limit, dropOldest, threaded, sender }: Queue): void {
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
    // A worker that goes through its list of these queues may look at it at any moment: what was returned and what it has reclaimed
    // stay the same number.
    const wasThreaded = this.#isThreaded(header);
    const reclaimed = word(at.QUEUE_RECLAIMED);
    u32.fill(0, words, words + at.QUEUE_TAIL / 4);
    u32[words + at.QUEUE_TAIL / 4] = tail;
    u32[words + at.QUEUE_SEEN / 4] = head;
    u32[words + at.QUEUE_LIMIT / 4] = limit;
    u32[words + at.QUEUE_HELD / 4] = 0;
    if (threaded) {
      u32[words + at.QUEUE_HEAD / 4] = head;
      if (!wasThreaded) u32[words + at.QUEUE_RETURNED / 4] = reclaimed;
      u32.fill(0, words + (at.QUEUE_TAKEN + at.QUEUE_THREAD) / 4, words + at.QUEUE_DROPPED_NEWEST / 4);
    }
    u32.fill(0, words + at.QUEUE_DROPPED_NEWEST / 4, words + at.QUEUE_RETURNS / 4);
    u32[words + at.QUEUE_RING / 4] = ring;
    u32[words + at.QUEUE_MASK / 4] = Math.max(places, hadPlaces) - 1;
    u32[words + at.QUEUE_RETURNS / 4] = returns;
    u32[words + at.QUEUE_SENDER / 4] = sender;
    const flags = (dropOldest ? at.QUEUE_DROP_OLDEST : 0) | (threaded ? at.QUEUE_THREADED : 0);
    Atomics.store(u32, words + at.QUEUE_FLAGS / 4, listed | flags);
  }

  /**
   * Accounts since the engine was created, of all sniffers that have a queue and the last 1024 that had one; of those before them all
   * together, as REMOVED_SNIFFERS.
   */
  accounts(): ReadonlyMap<string, SnifferAccounts> {
    const all = this.#former.all();
    for (const [number, queue] of this.#queues.entries()) {
      if (queue === undefined || queue.name === QUARANTINE) continue;
      all.set(queue.name, addAccounts(all.get(queue.name), this.#read(number)));
    }
    return all;
  }

  /** Most packets that may wait for sniffer `name` in each worker; undefined when it has no queue now. */
  limitOf(name: string): number | undefined {
    const number = this.#numbers.get(name);
    return number === undefined ? undefined : this.#queues[number]!.limit;
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
      total = addAccounts(total, this.#readHeader(headers + number * at.QUEUE_SIZE));
    return total!;
  }

  #readHeader(header: number): SnifferAccounts {
    const long = (offset: number) => this.#memory.long(header + offset);
    const isThreaded = this.#isThreaded(header);
    const own = isThreaded ? at.QUEUE_THREAD : 0;
    const queued = this.#queued(header);
    const sent = long(at.QUEUE_SENT + own);
    // What the producer could not even queue was taken and failed in the same moment.
    const sendError = long(at.QUEUE_SEND_ERROR) + (isThreaded ? long(at.QUEUE_THREAD_SEND_ERROR) : 0);
    const taken = long(at.QUEUE_TAKEN) + (isThreaded ? long(at.QUEUE_TAKEN + own) : 0);
    return {
      offered: long(at.QUEUE_OFFERED),
      sent,
      tooLarge: long(at.QUEUE_TOO_LARGE),
      rate: long(at.QUEUE_RATE),
      droppedNewest: long(at.QUEUE_DROPPED_NEWEST),
      droppedOldest: long(at.QUEUE_DROPPED_OLDEST),
      sendError,
      queued,
      inFlight: taken - sent - sendError,
      sentBytes: long(at.QUEUE_SENT_BYTES + own),
    };
  }
}
