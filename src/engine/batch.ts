// The batch: up to 256 descriptors in linear memory. The host fills in frames, the engine answers beside them.

import * as at from "../../assembly/memory/layout.js";
import { addressText } from "./address.js";
import type { LinearMemory } from "./memory.js";

// Words of a descriptor that `push` writes. Constants of this file: V8 does not fold those of another module, and a frame
// would cost a third more.
const FRAME = at.FRAME / 4;
const CAPTURED = at.CAPTURED / 4;
const ORIGINAL = at.ORIGINAL / 4;
const LINK_TYPE = at.LINK_TYPE / 4;
const TIME_LOW = at.TIME / 4;
const TIME_HIGH = TIME_LOW + 1;
const PACKET_LOW = at.PACKET / 4;
const PACKET_HIGH = PACKET_LOW + 1;
const INTERFACE = at.INTERFACE / 4;
const COMMENT_LENGTH = at.COMMENT_LENGTH / 4;
const SLOT = at.SLOT / 4;
const DESCRIPTOR = at.DESCRIPTOR / 4;

/** Directions of a mirrored frame, by the number in the descriptor. */
export const DIRECTIONS = [undefined, "in", "out"] as const;

/**
 * Descriptors of one worker. Accessors take a descriptor's number, from 0 to `count` - 1; results are there after
 * `Engine.process` and until the batch is cleared.
 */
export class Batch {
  /** Most frames a batch takes. */
  readonly capacity = at.BATCH;
  readonly #memory: LinearMemory;
  readonly #base: number;
  readonly #recycle: (count: number) => void;
  #count = 0;
  #packet = 0;
  #hasSlots = false;

  /**
   * @param recycle frees the slots of the first descriptors that no queue took
   *
   * @internal
   */
  constructor(memory: LinearMemory, worker: number, recycle: (count: number) => void) {
    this.#memory = memory;
    this.#base = worker + at.DESCRIPTORS;
    this.#recycle = recycle;
  }

  /** Frames announced. */
  get count(): number {
    return this.#count;
  }
  /** Frames that can still be announced. */
  get room(): number {
    return at.BATCH - this.#count;
  }
  /** Frames announced since the engine began: the number of the last one, from 1. */
  get packets(): number {
    return this.#packet;
  }

  /** Forgets the frames: descriptors are free again, and slots that no queue took. */
  clear(): void {
    if (this.#hasSlots) this.#recycle(this.#count);
    this.#hasSlots = false;
    this.#count = 0;
  }

  /**
   * Announces a frame that lies in `slot`, which belongs to the engine from now on. Lengths in bytes; time in nanoseconds since
   * 1970 as two unsigned halves.
   */
  pushSlot(
    slot: number,
    address: number,
    captured: number,
    original: number,
    timeHigh: number,
    timeLow: number,
    linkType: number,
  ): void {
    this.#memory.u32[this.#base / 4 + this.#count * DESCRIPTOR + SLOT] = slot;
    this.#announce(address, captured, original, timeHigh, timeLow, linkType);
    this.#hasSlots = true;
  }

  /** Announces a frame that is lent: it stays the caller's, who leaves it alone until the batch is cleared. */
  push(
    address: number,
    captured: number,
    original: number,
    timeHigh: number,
    timeLow: number,
    linkType: number,
  ): void {
    this.#memory.u32[this.#base / 4 + this.#count * DESCRIPTOR + SLOT] = at.NONE;
    this.#announce(address, captured, original, timeHigh, timeLow, linkType);
  }

  #announce(
    address: number,
    captured: number,
    original: number,
    timeHigh: number,
    timeLow: number,
    linkType: number,
  ): void {
    const words = this.#memory.u32;
    const d = this.#base / 4 + this.#count * DESCRIPTOR;
    const packet = ++this.#packet;
    words[d + FRAME] = address;
    words[d + CAPTURED] = captured;
    words[d + ORIGINAL] = original;
    words[d + LINK_TYPE] = linkType;
    words[d + TIME_LOW] = timeLow;
    words[d + TIME_HIGH] = timeHigh;
    words[d + PACKET_LOW] = packet;
    words[d + PACKET_HIGH] = packet / 0x1_0000_0000;
    words[d + INTERFACE] = 0;
    words[d + COMMENT_LENGTH] = 0;
    this.#count++;
  }

  /** Address of descriptor `i`. */
  address(i: number): number {
    return this.#base + i * at.DESCRIPTOR;
  }
  /** Unsigned 32-bit field of descriptor `i` at byte `offset` (assembly/memory/layout.ts). */
  word(i: number, offset: number): number {
    return this.#memory.u32[(this.#base + i * at.DESCRIPTOR + offset) >>> 2]!;
  }
  setWord(i: number, offset: number, value: number): void {
    this.#memory.u32[(this.#base + i * at.DESCRIPTOR + offset) >>> 2] = value;
  }
  byte(i: number, offset: number): number {
    return this.#memory.u8[this.#base + i * at.DESCRIPTOR + offset]!;
  }

  /** Verdict number, or HELD for a fragment whose datagram is not settled. */
  verdict(i: number): number {
    return this.byte(i, at.VERDICT);
  }
  /** Number of the packet's session entry, or -1. */
  session(i: number): number {
    return this.word(i, at.SESSION) | 0;
  }
  /** Index of the tenant in the map, or -1. */
  tenant(i: number): number {
    return this.word(i, at.TENANT) | 0;
  }
  /** VID of the outermost tag of the tunnel packet, or -1. */
  outerVlan(i: number): number {
    const vlan = this.byte(i, at.OUTER_VLAN) | (this.byte(i, at.OUTER_VLAN + 1) << 8);
    return vlan === at.NO_VLAN ? -1 : vlan;
  }
  /** The packet's number, from 1. */
  packet(i: number): number {
    return this.word(i, at.PACKET) + this.word(i, at.PACKET + 4) * 0x1_0000_0000;
  }
  /** Time in nanoseconds since 1970. */
  time(i: number): bigint {
    return this.#memory.u64[(this.#base + i * at.DESCRIPTOR + at.TIME) >>> 3]!;
  }
  /** Bytes of the decoded frame, a view into linear memory. */
  inner(i: number): Uint8Array {
    const start = this.word(i, at.INNER);
    return this.#memory.u8.subarray(start, start + this.word(i, at.INNER_CAPTURED));
  }
  /** Outer source address in text. */
  source(i: number): string {
    return this.#address(i, at.SOURCE);
  }
  /** Outer destination address in text. */
  destination(i: number): string {
    return this.#address(i, at.DESTINATION);
  }
  #address(i: number, offset: number): string {
    const start = this.address(i) + offset;
    return addressText(
      this.#memory.u8.subarray(start, start + 16),
      (this.word(i, at.HAS) & at.HAS_IPV6) !== 0,
    );
  }
}
