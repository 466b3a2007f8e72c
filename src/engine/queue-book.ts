// Which queue is which sniffer's, across generations of the tenant map.

/** Gives sniffers' queues their numbers. */
export interface QueueBook {
  /** Begins a map: what neither it nor the one before it asks for may go to others. */
  beginMap(): void;
  /**
   * The number of the sniffer's queue: the one it has, or a new one. May throw MEMORY_EXHAUSTED.
   *
   * @param limit most packets queued
   */
  number(name: string, limit: number, dropOldest: boolean): number;
}
