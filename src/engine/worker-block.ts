// A worker's part of linear memory: its block, and the tables that the block leads to. The engine of a library has one; a live gateway
// has one for each receive queue, and in each worker thread an instance of the engine attached to it.

import * as at from "../../assembly/memory/layout.js";
import { type LinearMemory, powerOfTwo } from "./memory.js";
import { COUNTERS, type CounterName, VERDICTS, type VerdictName } from "./names.js";
import type { EngineOptions } from "./options.js";
import { SlotPool } from "./pool.js";
import { SessionTable } from "./sessions.js";
import type { EngineExports } from "./wasm.js";

/** Packets by verdict, and what is counted beside. */
export type Counters = Readonly<Record<VerdictName | CounterName, number>>;

/** Places of the session index before it grows. */
const INDEX_AT_FIRST = 1024;
/** Room for three datagrams of any size, put together in one batch. */
const ASSEMBLED_SIZE = 3 * (at.DATAGRAM_MAX + at.HEADROOM + at.FRAME_MIN + 16);

export class WorkerBlock {
  /** Of the block. */
  readonly address: number;
  readonly sessions: SessionTable;
  /** Slots for frames. */
  readonly slots: SlotPool;
  readonly #memory: LinearMemory;

  /**
   * Allocates everything and attaches `exports` to it.
   *
   * @internal
   */
  constructor(memory: LinearMemory, exports: EngineExports, options: EngineOptions) {
    this.#memory = memory;
    this.address = memory.allocate(at.WORKER_SIZE).address;
    this.#allocate(exports, options);
    exports.attach(this.address, 1);
    this.slots = new SlotPool(memory, exports, this.address, options);
    this.sessions = new SessionTable(memory, this.address);
  }

  #allocate(exports: EngineExports, { sessions, decode }: EngineOptions): void {
    const memory = this.#memory;
    const index = powerOfTwo(sessions * 2);
    const pieces = Math.max(1, Math.floor(decode.reassembly.memory / at.PIECE_BLOCK));
    const set = (field: number, value: number) => {
      memory.u32[(this.address + field) >>> 2] = value;
    };
    set(at.WORKER_SESSIONS, memory.allocate(sessions * at.SESSION_ENTRY).address);
    set(at.WORKER_SESSION_CAPACITY, sessions);
    set(at.WORKER_SESSION_INDEX, memory.allocate(index * 4).address);
    set(at.WORKER_SESSION_MASK, Math.min(index, INDEX_AT_FIRST) - 1);
    set(at.WORKER_SESSION_MASK_MAX, index - 1);
    set(at.WORKER_PIECES, pieces);
    set(at.WORKER_DATAGRAMS, memory.allocate(exports.reassemblySize(pieces)).address);
    set(at.WORKER_SETTLED, memory.allocate((pieces + at.BATCH) * at.SETTLED_SIZE).address);
    set(at.WORKER_ASSEMBLED, memory.allocate(ASSEMBLED_SIZE).address);
    set(at.WORKER_ASSEMBLED_SIZE, ASSEMBLED_SIZE);
    set(at.WORKER_SAMPLES, memory.allocate(at.SAMPLES * at.SAMPLE_SIZE).address);
  }

  /** Number of the tenant map by which its last batch was processed; 0 before the first. */
  get generation(): number {
    return this.field(at.WORKER_ACKNOWLEDGED);
  }

  /** A field of the block (u32). */
  field(offset: number): number {
    return this.#memory.u32[(this.address + offset) >>> 2]!;
  }
  setField(offset: number, value: number): void {
    this.#memory.u32[(this.address + offset) >>> 2] = value;
  }

  /** A counter's value now: of a verdict, or of one of the others. */
  counter(number: number): number {
    return Number(this.#memory.u64[(this.address + at.COUNTERS + number * 8) >>> 3]!);
  }

  /** All counters by name, since the engine was created. */
  counters(): Counters {
    const counters: Record<string, number> = {};
    for (const [number, name] of VERDICTS.entries()) counters[name] = this.counter(number);
    for (const [number, name] of COUNTERS.entries())
      if (name !== undefined) counters[name] = this.counter(number);
    return counters as Counters;
  }
}
