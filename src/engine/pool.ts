// Frame slots of an engine: frames written into one are decoded, rewritten and queued where they lie. Queues hold them until
// they are sent; a packet that nobody takes gives its slot back when the batch is cleared.

import * as at from "../../assembly/memory/layout.js";
import type { LinearMemory } from "./memory.js";
import type { EngineExports } from "./wasm.js";

/** How many slots there are. */
export interface PoolOptions {
  /** Slots for frames of up to `SlotPool.LONGEST` bytes. */
  readonly slots: number;
  /** Slots for frames of up to `SlotPool.LONGEST_LARGE` bytes. */
  readonly largeSlots: number;
  /** Free slots that queues leave for receiving. */
  readonly reserved: number;
}

/** Of the processor. */
const PAGE = 4096;

export class SlotPool {
  /** Longest frame of a slot, in bytes. */
  static readonly LONGEST = at.SLOT_STRIDE - at.HEADROOM;
  /** Longest frame of a large slot, in bytes. */
  static readonly LONGEST_LARGE = at.LARGE_STRIDE - at.HEADROOM;
  readonly count: number;
  /** Bytes of all slots together, whole pages. */
  readonly length: number;
  readonly largeCount: number;
  readonly #memory: LinearMemory;
  readonly #exports: EngineExports;
  readonly #worker: number;
  readonly #slots: number;
  readonly #large: number;

  /**
   * Allocates slots and records and gives them to `worker`.
   *
   * @internal
   */
  constructor(memory: LinearMemory, exports: EngineExports, worker: number, options: PoolOptions) {
    const { slots, largeSlots, reserved } = options;
    this.#memory = memory;
    this.#exports = exports;
    this.#worker = worker;
    this.count = slots;
    this.largeCount = largeSlots;
    // Every delivery of a slot or of a lent frame has a record; a batch of lent frames may have every sniffer of a tenant.
    const records = slots + largeSlots + 2 * at.BATCH;
    // One stretch of whole pages, as the kernel takes it for its frame memory.
    this.length = wholePages(slots * at.SLOT_STRIDE + largeSlots * at.LARGE_STRIDE);
    this.#slots = memory.allocate(this.length, PAGE).address;
    this.#large = this.#slots + slots * at.SLOT_STRIDE;
    const set = (field: number, value: number) => {
      memory.u32[(worker + field) >>> 2] = value;
    };
    set(at.WORKER_RECORDS, memory.allocate(records * at.RECORD_SIZE).address);
    set(at.WORKER_RECORD_STACK, memory.allocate(records * 4).address);
    set(at.WORKER_SLOTS, this.#slots);
    set(at.WORKER_SLOT_COUNT, slots);
    set(at.WORKER_SLOT_STACK, memory.allocate(slots * 4).address);
    set(at.WORKER_SLOTS_RESERVED, reserved);
    set(at.WORKER_SLOT_RECORDS, memory.allocate((slots + largeSlots) * 4).address);
    set(at.WORKER_LARGE, this.#large);
    set(at.WORKER_LARGE_COUNT, largeSlots);
    set(at.WORKER_LARGE_STACK, memory.allocate(largeSlots * 4).address);
    exports.createPool(records);
  }

  /** Where they begin. */
  get start(): number {
    return this.#slots;
  }
  /** Free slots, large ones not counted. */
  get free(): number {
    return this.#memory.u32[(this.#worker + at.WORKER_SLOTS_FREE) >>> 2]!;
  }
  get freeLarge(): number {
    return this.#memory.u32[(this.#worker + at.WORKER_LARGE_FREE) >>> 2]!;
  }

  /** A slot for a frame of `length` bytes, or -1 when there is none free (or none so long). */
  take(length: number): number {
    if (length > SlotPool.LONGEST_LARGE) return -1;
    return this.#exports.takeSlot(length > SlotPool.LONGEST ? 1 : 0);
  }
  /** Gives back a slot that was taken and not announced. */
  give(slot: number): void {
    this.#exports.giveSlot(slot);
  }
  /** Where a frame's first byte goes; in front of it HEADROOM bytes are free. */
  address(slot: number): number {
    const start =
      slot < this.count
        ? this.#slots + slot * at.SLOT_STRIDE
        : this.#large + (slot - this.count) * at.LARGE_STRIDE;
    return start + at.HEADROOM;
  }
  /** The place of a frame of `length` bytes: a view into linear memory. */
  bytes(slot: number, length: number): Uint8Array {
    const address = this.address(slot);
    return this.#memory.u8.subarray(address, address + length);
  }
}

function wholePages(length: number): number {
  return Math.ceil(length / PAGE) * PAGE;
}
