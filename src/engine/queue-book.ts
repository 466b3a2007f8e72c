// Which queue is which sniffer's, across generations of the tenant map.

/** Gives sniffers' queues their numbers. */
export interface QueueBook {
  /** Before the first question of map `map`. One that is refused leaves its number to the next. */
  beginMap(map: number): void;
  /**
   * The number of the sniffer's queue: the one it has, or a new one. May throw MEMORY_EXHAUSTED.
   *
   * @param limit most packets queued
   */
  number(name: string, limit: number, dropOldest: boolean): number;
  /** The map that was begun does not come into force: takes back the numbers it was given. */
  refuseMap(): void;
}
