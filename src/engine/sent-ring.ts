// The far end of a worker's transmit ring, for frames that go to no interface: takes them where they lie, and completes them, as a driver
// does with AF_XDP's rings (Documentation/networking/af_xdp.rst).

import * as sockets from "../../assembly/memory/sockets.js";
import type { LinearMemory } from "./memory.js";
import type { SlotPool } from "./pool.js";
import { enterSentRings, type SharedRing } from "./xdp-port.js";

const ENTRY = 16;
const ADDRESS = 8;
const LENGTH = 8;
const OPTIONS = 12;

export class SentRing {
  /** By which `EngineThread` knows it. */
  readonly address: number;
  readonly #memory: LinearMemory;
  /** Where addresses in entries count from. */
  readonly #slots: number;
  readonly #tx: SharedRing;
  readonly #completion: SharedRing;
  /** Ours: what is taken and what is completed. */
  #taken = 0;
  #completed = 0;

  /** @param size entries, a power of two */
  constructor(memory: LinearMemory, slots: SlotPool, size: number) {
    this.#memory = memory;
    this.#slots = slots.start;
    this.#tx = newRing(memory, size, ENTRY);
    this.#completion = newRing(memory, size, ADDRESS);
    this.address = enterSentRings(memory, { tx: this.#tx, completion: this.#completion });
  }

  /** Whether there is something to take. */
  get isWaiting(): boolean {
    return this.#position(this.#tx.producer) !== this.#taken;
  }

  /** Whether the worker is to wake who takes from here when it has sent something. */
  set wantsWakeup(wants: boolean) {
    Atomics.store(this.#memory.u32, this.#tx.flags >>> 2, wants ? sockets.RING_NEED_WAKEUP : 0);
  }

  /**
   * Hands up to `most` frames to `accept`, each good until it returns. One that it refuses (false) stays, and is the next one. Gives how
   * many were accepted.
   */
  take(accept: (frame: Uint8Array) => boolean, most: number): number {
    const end = this.#position(this.#tx.producer);
    const free =
      this.#completion.size - ((this.#completed - this.#position(this.#completion.consumer)) >>> 0);
    let room = free;
    let count = 0;
    while (this.#taken !== end && count < most) {
      const entries = this.#entriesOfFrame();
      if (entries > room || !accept(this.#frame(entries))) break;
      for (let i = 0; i < entries; i++) this.#complete();
      room -= entries;
      count++;
    }
    if (room === free) return 0;
    this.#publish(this.#tx.consumer, this.#taken);
    this.#publish(this.#completion.producer, this.#completed);
    return count;
  }

  #entriesOfFrame(): number {
    let count = 1;
    while ((this.#word(this.#entry(count - 1) + OPTIONS) & sockets.XDP_CONTINUES) !== 0) count++;
    return count;
  }

  /** The frame that the next entries name: where it lies, or put together when it is in several pieces. */
  #frame(entries: number): Uint8Array {
    if (entries === 1) return this.#piece(0);
    const pieces = Array.from({ length: entries }, (_, i) => this.#piece(i));
    const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    let end = 0;
    for (const piece of pieces) {
      whole.set(piece, end);
      end += piece.length;
    }
    return whole;
  }

  #piece(i: number): Uint8Array {
    const entry = this.#entry(i);
    const start = this.#slots + this.#word(entry);
    return this.#memory.u8.subarray(start, start + this.#word(entry + LENGTH));
  }

  #complete(): void {
    const { entries, size } = this.#completion;
    const place = (entries + (this.#completed & (size - 1)) * ADDRESS) >>> 2;
    this.#memory.u32[place] = this.#word(this.#entry(0));
    this.#completed = (this.#completed + 1) >>> 0;
    this.#taken = (this.#taken + 1) >>> 0;
  }

  /** Address of the entry that comes `i` after the next. */
  #entry(i: number): number {
    return this.#tx.entries + ((this.#taken + i) & (this.#tx.size - 1)) * ENTRY;
  }
  #word(address: number): number {
    return this.#memory.u32[address >>> 2]!;
  }
  #position(address: number): number {
    return Atomics.load(this.#memory.u32, address >>> 2);
  }
  #publish(address: number, position: number): void {
    Atomics.store(this.#memory.u32, address >>> 2, position);
  }
}

/** Positions and flags on lines of their own: each is written by one side. */
function newRing(memory: LinearMemory, size: number, entry: number): SharedRing {
  const line = () => memory.allocate(4).address;
  return {
    producer: line(),
    consumer: line(),
    flags: line(),
    entries: memory.allocate(size * entry).address,
    size,
  };
}
