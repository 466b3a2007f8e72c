// Linear memory as the host sees it: views that follow its growth, and stretches handed out one after another.

import { SHARED, WORKERS } from "../../assembly/memory/layout.js";
import type { Build } from "./wasm.js";

const PAGE = 0x10000;
/** Stretches begin on a cache line of their own. */
const LINE = 64;

/** A stretch of linear memory, with a view that is made anew when the memory has grown. */
export interface Stretch {
  readonly address: number;
  readonly length: number;
  bytes(): Uint8Array;
}

/** Owns one WebAssembly memory. */
export class LinearMemory {
  readonly memory: WebAssembly.Memory;
  #used = WORKERS;
  #u8: Uint8Array;
  #u32: Uint32Array;
  #u64: BigUint64Array;

  /** @param maximum bytes; a shared memory has them from the start, so that its address never changes */
  constructor(build: Build, maximum = 2 ** 32) {
    const pages = Math.min(Math.ceil(maximum / PAGE), 65_536);
    this.memory =
      build === "shared"
        ? new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
        : new WebAssembly.Memory({ initial: Math.ceil(SHARED / PAGE) + 15 });
    this.#u8 = new Uint8Array(this.memory.buffer);
    this.#u32 = new Uint32Array(this.memory.buffer);
    this.#u64 = new BigUint64Array(this.memory.buffer);
  }

  /** All of it, by byte; not to be kept over a call that allocates. */
  get u8(): Uint8Array {
    if (this.#u8.byteLength === 0) this.#view();
    return this.#u8;
  }
  /** All of it, by 32-bit word. */
  get u32(): Uint32Array {
    if (this.#u32.byteLength === 0) this.#view();
    return this.#u32;
  }
  /** All of it, by 64-bit word. */
  get u64(): BigUint64Array {
    if (this.#u64.byteLength === 0) this.#view();
    return this.#u64;
  }

  #view(): void {
    const { buffer } = this.memory;
    this.#u8 = new Uint8Array(buffer);
    this.#u32 = new Uint32Array(buffer);
    this.#u64 = new BigUint64Array(buffer);
  }

  /** Hands out `length` bytes, zeroed, for good. Throws RangeError when there is no room. */
  allocate(length: number): Stretch {
    const address = this.#used;
    const end = address + Math.ceil(length / LINE) * LINE;
    const missing = end - this.memory.buffer.byteLength;
    if (missing > 0) {
      this.memory.grow(Math.ceil(missing / PAGE));
      this.#view();
    }
    this.#used = end;
    return { address, length, bytes: () => this.u8.subarray(address, address + length) };
  }
}
