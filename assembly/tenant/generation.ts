// A generation of the tenant map: built beside the one in force, then switched to by one atomic store.

import { CONFIG_GENERATION, MAP_NUMBER } from "../memory/layout";

export function generationNumber(generation: usize): u32 {
  return load<u32>(generation, MAP_NUMBER);
}

/** From the next batch on, every worker uses this one. 0: none. */
export function publish(generation: usize): void {
  atomic.store<u32>(CONFIG_GENERATION, <u32>generation);
}
