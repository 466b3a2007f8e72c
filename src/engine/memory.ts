// Linear memory as the host sees it: views that follow its growth, and stretches handed out one after another.

import { WORKERS } from "../../assembly/memory/layout.js";
import { SpangateError } from "../errors.js";
import type { Build } from "./wasm.js";

const PAGE = 0x10000;
const MOST_PAGES = 0x10000;
/**
 * What a memory of its own has at the start, in bytes: enough for an engine with the defaults and a capture's blocks. The
 * system gives pages when they are touched; growing takes the buffer away, after which V8 checks at each access whether
 * an array still has one, of every array in the process.
 */
const INITIAL = 64 * 2 ** 20;
/** Bytes of a cache line; stretches begin on one of their own. */
export const LINE = 64;

/** A stretch of linear memory, with a view that is made anew when the memory has grown. */
export interface Stretch {
  readonly address: number;
  readonly length: number;
  bytes(): Uint8Array;
}

/** Owns one WebAssembly memory. */
export class LinearMemory {
  readonly memory: WebAssembly.Memory;
  /** All of it by byte, by 32-bit and by 64-bit word. Made anew by `allocate`, which alone lets the memory grow. */
  u8: Uint8Array;
  u32: Uint32Array;
  u64: BigUint64Array;
  #used = WORKERS;

  /** @param maximum bytes; a shared memory has them from the start, so that its address never changes */
  constructor(build: Build, maximum = 2 ** 32) {
    const pages = Math.min(Math.ceil(maximum / PAGE), 65_536);
    this.memory =
      build === "shared"
        ? new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
        : new WebAssembly.Memory({ initial: INITIAL / PAGE });
    this.u8 = new Uint8Array(this.memory.buffer);
    this.u32 = new Uint32Array(this.memory.buffer);
    this.u64 = new BigUint64Array(this.memory.buffer);
  }

  /**
   * Hands out `length` bytes, zeroed, for good, beginning at a multiple of `alignment` (a power of two). Throws MEMORY_EXHAUSTED when
   * there is no room.
   */
  allocate(length: number, alignment = LINE): Stretch {
    const address = Math.ceil(this.#used / alignment) * alignment;
    const end = address + Math.ceil(length / LINE) * LINE;
    const missing = end - this.memory.buffer.byteLength;
    if (missing > 0) {
      this.#grow(Math.ceil(missing / PAGE));
      this.u8 = new Uint8Array(this.memory.buffer);
      this.u32 = new Uint32Array(this.memory.buffer);
      this.u64 = new BigUint64Array(this.memory.buffer);
    }
    this.#used = end;
    return { address, length, bytes: () => this.u8.subarray(address, address + length) };
  }

  /**
   * The u64 at `address`, up to 2^53. By its halves, as a bigint is an object: ten thousand sniffers have a hundred thousand counters. A
   * worker that carries into the upper half meanwhile is waited for.
   */
  long(address: number): number {
    const low = address >>> 2;
    const { u32 } = this;
    for (;;) {
      const high = u32[low + 1]!;
      const value = high * 2 ** 32 + u32[low]!;
      if (u32[low + 1] === high) return value;
    }
  }

  /** Grows by a quarter at least: each growth makes new views, and pages nobody touches cost nothing. */
  #grow(pages: number): void {
    const present = this.memory.buffer.byteLength / PAGE;
    const wanted = Math.min(Math.max(pages, present >>> 2), Math.max(pages, MOST_PAGES - present));
    try {
      this.memory.grow(wanted);
    } catch (cause) {
      const message = `The engine's memory is used up: ${present * PAGE} bytes, and ${pages * PAGE} more are needed than it may have.`;
      throw new SpangateError("MEMORY_EXHAUSTED", message, { cause });
    }
  }
}

/** The least power of two that is not under `least`. */
export function powerOfTwo(least: number): number {
  return 2 ** Math.ceil(Math.log2(least));
}
