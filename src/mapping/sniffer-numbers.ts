// Sniffers by name. A Map of a million names costs a second and two collections of a large heap; this costs an index of numbers.

import type { GatewayConfig } from "../config/schema.js";
import { SpangateError } from "../errors.js";
import { words } from "./image-memory.js";

export class SnifferNumbers {
  readonly list: GatewayConfig["sniffers"];
  /** The one behind the last that was asked for, while they are asked for in their order; else -1. */
  #next = 0;
  #last = -1;
  /** Open addressing, two words a place: hash of the name, and the sniffer's number + 1 (0: free). */
  #index: Uint32Array | undefined;
  readonly #seed = Math.floor(Math.random() * 2 ** 32);

  /** @param list sniffers, each with a name of its own */
  constructor(list: GatewayConfig["sniffers"]) {
    this.list = list;
  }

  /** Throws CONFIG_INVALID when no sniffer has the name. */
  number(name: string): number {
    // People list sniffers in the order of their tenants: then no index is needed.
    if (this.#next >= 0 && this.list[this.#next]?.name === name) return this.#next++;
    const number = this.#find(name);
    this.#next = number === this.#last + 1 ? number + 1 : -1;
    this.#last = number;
    return number;
  }

  #find(name: string): number {
    this.#index ??= this.#build();
    const index = this.#index;
    const hash = this.#hash(name);
    for (let place = (hash * 2) & (index.length - 1); ; place = (place + 2) & (index.length - 1)) {
      const number = index[place + 1]! - 1;
      if (number < 0) break;
      if (index[place] === hash && this.list[number]!.name === name) return number;
    }
    const message = `A tenant names ${JSON.stringify(name)}, which is no sniffer.`;
    throw new SpangateError("CONFIG_INVALID", message, { details: { sniffer: name } });
  }

  #build(): Uint32Array {
    const index = words(2 ** Math.ceil(Math.log2((this.list.length + 1) * 4)));
    for (let i = 0; i < this.list.length; i++) {
      const hash = this.#hash(this.list[i]!.name);
      let place = (hash * 2) & (index.length - 1);
      while (index[place + 1] !== 0) place = (place + 2) & (index.length - 1);
      index[place] = hash;
      index[place + 1] = i + 1;
    }
    return index;
  }

  /** Seeded, since tenants choose names. The multipliers are those of MurmurHash3's finalizer. */
  #hash(name: string): number {
    let hash = this.#seed;
    for (let i = 0; i < name.length; i++) {
      hash = Math.imul(hash ^ name.charCodeAt(i), 0x85ebca6b);
      hash ^= hash >>> 13;
    }
    hash = Math.imul(hash, 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) >>> 0;
  }
}
