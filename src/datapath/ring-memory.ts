// Where the kernel's rings go in linear memory.

import type { Engine } from "../engine/index.js";
import { addressOf, PAGE, type RingMemory } from "../linux/index.js";

export function ringMemory({ memory }: Engine): RingMemory {
  return {
    base: addressOf(memory.u8),
    allocatePages: (length) => memory.allocate(length, PAGE).address,
  };
}
