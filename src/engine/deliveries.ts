// What came out for the sniffers, taken from their queues a batch at a time. Accessors by number, no object a packet.

import * as at from "../../assembly/memory/layout.js";
import type { LinearMemory } from "./memory.js";
import type { QueueStore } from "./queues.js";
import type { EngineExports } from "./wasm.js";

/** Bytes of one sniffer before it is the next one's turn: some ten frames of Ethernet's usual length. */
export const QUANTUM = 16_384;

/**
 * Deliveries of one worker: `take`, use the frames, `settle`. Accessors take a record, which `record` gives for the number of a
 * delivery from 0, and `next` for the further IP fragments of one.
 */
export class Deliveries {
  /** Most deliveries that one `take` gives. */
  readonly capacity = at.TAKEN_MAX;
  readonly #memory: LinearMemory;
  readonly #exports: EngineExports;
  readonly #worker: number;
  readonly #queues: QueueStore;
  #count = 0;
  #settled = 0;

  /** @internal */
  constructor(memory: LinearMemory, exports: EngineExports, worker: number, queues: QueueStore) {
    this.#memory = memory;
    this.#exports = exports;
    this.#worker = worker;
    this.#queues = queues;
  }

  /** Deliveries that were taken. */
  get count(): number {
    return this.#count;
  }

  /** Takes up to `most` deliveries, each sniffer's in order, sniffers in turns. Those taken before must be settled. */
  take(most = this.capacity): number {
    this.settle();
    this.#count = this.#exports.take(Math.min(most, this.capacity), QUANTUM);
    this.#settled = 0;
    return this.#count;
  }

  /** The first ones up to `end` are sent, or could not be. Their frames are gone. */
  settle(sent = true, end = this.#count): void {
    if (end <= this.#settled) return;
    this.#exports.settle(this.#settled, end, sent ? 1 : 0);
    this.#settled = end;
  }

  /** Record of delivery `i`: its address in linear memory. */
  record(i: number): number {
    return this.#at(this.#memory.u32[(this.#worker + at.TAKEN + i * 4) >>> 2]!);
  }
  /** Record of the next IP fragment of the same packet, or 0. */
  next(record: number): number {
    const number = this.word(record, at.RECORD_NEXT) | 0;
    return number === at.NONE ? 0 : this.#at(number);
  }
  #at(number: number): number {
    return this.#memory.u32[(this.#worker + at.WORKER_RECORDS) >>> 2]! + number * at.RECORD_SIZE;
  }

  /** Unsigned 32-bit field at byte `offset` (assembly/memory/layout.ts, RECORD_*). */
  word(record: number, offset: number): number {
    return this.#memory.u32[(record + offset) >>> 2]!;
  }
  /** What the descriptor said: a field from `at.HAS` to `at.CLAIM`. */
  about(record: number, field: number): number {
    return this.word(record, field - at.HAS + at.RECORD_ABOUT);
  }
  aboutByte(record: number, field: number): number {
    return this.#memory.u8[record + field - at.HAS + at.RECORD_ABOUT]!;
  }
  /** Number of the sniffer's queue. */
  queue(record: number): number {
    return this.word(record, at.RECORD_QUEUE);
  }
  /** Name of the sniffer. */
  sniffer(record: number): string {
    return this.#queues.name(this.queue(record));
  }
  /** Bytes of the frame, a view into linear memory; good until it is settled. */
  frame(record: number): Uint8Array {
    const start = this.address(record);
    return this.#memory.u8.subarray(start, start + this.length(record));
  }
  /** Where the frame begins in linear memory. */
  address(record: number): number {
    return this.word(record, at.RECORD_FRAME);
  }
  /** Bytes of the frame. */
  length(record: number): number {
    return this.word(record, at.RECORD_LENGTH);
  }
  /** Bytes of the mirrored frame before anybody cut it. */
  originalLength(record: number): number {
    return this.word(record, at.RECORD_ORIGINAL);
  }
  /** Number of the mirror session's entry in the session table, or -1. */
  session(record: number): number {
    return this.about(record, at.SESSION) | 0;
  }
  /** Index of the tenant in the map that was in force when the packet was processed, or -1. */
  tenant(record: number): number {
    return this.about(record, at.TENANT) | 0;
  }
  /** Nanoseconds since 1970. */
  time(record: number): bigint {
    return this.#memory.u64[(record + at.RECORD_TIME) >>> 3]!;
  }
}
