// Cells of 8 bytes that outlive a generation of the tenant map, by name: a token bucket is as full after a change of the map as
// before it, and the sequence numbers to a destination go on.

import type { LinearMemory } from "./memory.js";

const SIZE = 8;
/** Cells are taken from memory by so many. */
const BLOCK = 512;

/** Hands out cells. At most two generations use them at a time: the one in force, and the one before it or the one being built. */
export class CellStore {
  readonly #memory: LinearMemory;
  /** Addresses by name, of the generation in force and of the other. */
  #inForce = new Map<string, number>();
  #other = new Map<string, number>();
  /** Addresses that no generation uses. */
  readonly #spare: number[] = [];

  constructor(memory: LinearMemory) {
    this.#memory = memory;
  }

  /**
   * Cells for the names of a generation that is to be built: those that the one in force has, and others that start from zero. The
   * generation before the one in force ends here, and so does one that was begun and never came into force. Throws
   * MEMORY_EXHAUSTED, after which nothing is begun.
   *
   * @param names distinct ones
   */
  begin(names: readonly string[]): Uint32Array {
    this.#end();
    const addresses = new Uint32Array(names.length);
    for (const [i, name] of names.entries()) {
      const address = this.#inForce.get(name) ?? this.#fresh();
      this.#other.set(name, address);
      addresses[i] = address;
    }
    return addresses;
  }

  /** The generation that was begun is in force. */
  commit(): void {
    [this.#inForce, this.#other] = [this.#other, this.#inForce];
  }

  /** Takes back what only the other generation uses. */
  #end(): void {
    for (const [name, address] of this.#other) {
      if (this.#inForce.get(name) !== address) this.#spare.push(address);
    }
    this.#other = new Map();
  }

  #fresh(): number {
    if (this.#spare.length === 0) this.#addBlock();
    const address = this.#spare.pop()!;
    this.#memory.u64[address >>> 3] = 0n;
    return address;
  }

  #addBlock(): void {
    const { address } = this.#memory.allocate(BLOCK * SIZE);
    for (let cell = address + (BLOCK - 1) * SIZE; cell >= address; cell -= SIZE) this.#spare.push(cell);
  }
}
