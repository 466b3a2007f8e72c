// Cells of 8 bytes that outlive a generation of the tenant map, by name: a token bucket is as full after a change of the map as
// before it, and the sequence numbers to a destination go on.

import type { LinearMemory } from "./memory.js";

const SIZE = 8;
/** The least number of cells that is asked of memory at once. */
const BLOCK = 512;

/** The cells that a generation uses. */
interface Used {
  readonly names: readonly string[];
  /** By place in `names`. */
  readonly addresses: readonly number[];
  /** By place, 1: the generation that was begun after this one uses the cell too. */
  readonly kept: Uint8Array;
}

const NOTHING: Used = { names: [], addresses: [], kept: new Uint8Array() };

/** Hands out cells. Two generations use them at a time: the one in force, and the one before it or the one being built. */
export class CellStore {
  readonly #memory: LinearMemory;
  #inForce = NOTHING;
  /** The generation before the one in force, until the next is begun. */
  #former = NOTHING;
  /** The one being built, and its cells that the one in force does not have. */
  #begun: Used | undefined;
  #fresh: number[] = [];
  /** Addresses of cells that no generation uses. */
  readonly #spare: number[] = [];
  #next = 0;
  #end = 0;

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
  begin(names: readonly string[]): readonly number[] {
    this.#abandon();
    this.#inForce.kept.fill(0);
    this.#release(this.#former.addresses, this.#former.kept);
    this.#former = NOTHING;
    // No typed arrays: allocating one makes V8 collect the whole heap when WebAssembly memory has just grown.
    const addresses = new Array<number>(names.length).fill(0);
    const missing = this.#inherit(names, addresses);
    this.#provide(missing);
    this.#fresh = [];
    for (let i = 0; this.#fresh.length < missing; i++) {
      if (addresses[i] !== 0) continue;
      addresses[i] = this.#take();
      this.#fresh.push(addresses[i]!);
    }
    this.#begun = { names, addresses, kept: new Uint8Array(names.length) };
    return addresses;
  }

  /** The generation that was begun is in force. */
  commit(): void {
    if (this.#begun === undefined) return;
    this.#former = this.#inForce;
    this.#inForce = this.#begun;
    this.#begun = undefined;
  }

  /** Fills in the addresses of those names that the generation in force has. Gives how many it has not. */
  #inherit(names: readonly string[], addresses: number[]): number {
    const { names: present, addresses: theirs, kept } = this.#inForce;
    let places: Map<string, number> | undefined;
    let next = 0;
    let missing = 0;
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!;
      let place = present.length > 0 ? next : undefined;
      // From one generation to the next most names stay where they are.
      if (present[next] !== name && present.length > 0) {
        places ??= new Map(present.map((known, p) => [known, p]));
        place = places.get(name);
      }
      if (place === undefined) {
        missing++;
        continue;
      }
      addresses[i] = theirs[place]!;
      kept[place] = 1;
      next = place + 1;
    }
    return missing;
  }

  /** Takes back what was given to a generation that never came into force. */
  #abandon(): void {
    if (this.#begun === undefined) return;
    for (const address of this.#fresh) this.#spare.push(address);
    this.#begun = undefined;
  }

  #release(addresses: readonly number[], kept: Uint8Array): void {
    for (let i = 0; i < addresses.length; i++) if (kept[i] === 0) this.#spare.push(addresses[i]!);
  }

  /** Sees to it that `count` cells can be taken. */
  #provide(count: number): void {
    const missing = count - this.#spare.length - (this.#end - this.#next) / SIZE;
    if (missing <= 0) return;
    for (; this.#next < this.#end; this.#next += SIZE) this.#spare.push(this.#next);
    const length = Math.max(BLOCK, missing) * SIZE;
    this.#next = this.#memory.allocate(length).address;
    this.#end = this.#next + length;
  }

  #take(): number {
    const spare = this.#spare.pop();
    if (spare === undefined) {
      this.#next += SIZE;
      return this.#next - SIZE;
    }
    this.#memory.u32.fill(0, spare >>> 2, (spare + SIZE) >>> 2);
    return spare;
  }
}
