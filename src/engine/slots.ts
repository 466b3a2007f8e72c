// Frame slots: places in linear memory for frames that do not come out of a file that is read into it.

import { HEADROOM, SLOT_STRIDE } from "../../assembly/memory/layout.js";
import type { LinearMemory, Stretch } from "./memory.js";

export class FrameSlots {
  /** Longest frame of one slot, in bytes; a longer one takes several. */
  static readonly LONGEST = SLOT_STRIDE - HEADROOM;
  /** Slots there are. */
  readonly count: number;
  readonly #memory: LinearMemory;
  readonly #stretch: Stretch;

  constructor(memory: LinearMemory, count: number) {
    this.count = count;
    this.#memory = memory;
    this.#stretch = memory.allocate(count * SLOT_STRIDE);
  }

  /** Address of the first byte of the frame in slot `i`, which has HEADROOM free bytes before it. */
  address(i: number): number {
    return this.#stretch.address + i * SLOT_STRIDE + HEADROOM;
  }

  /** How many slots a frame of `length` bytes takes. */
  needed(length: number): number {
    return Math.ceil((length + HEADROOM) / SLOT_STRIDE);
  }

  /** Copies a frame into slot `i` and as many after it as it needs. */
  write(i: number, frame: Uint8Array): void {
    this.#memory.u8.set(frame, this.address(i));
  }

  /** All slots, as bytes. */
  bytes(): Uint8Array {
    return this.#stretch.bytes();
  }
}
