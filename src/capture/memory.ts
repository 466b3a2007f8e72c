// The memory that frames are read into and written from, and the place where frames are announced. Both are shapes
// only: the engine implements them over WebAssembly memory, `heapArea` over an ordinary buffer.

/**
 * A stretch of memory that the reader may fill, or that the writer may empty.
 *
 * Memory may have been replaced between two calls (a WebAssembly memory that grew), so `bytes()` is asked anew each
 * time and its result is not kept. Growing in place while a read is under way does no harm.
 */
export interface MemoryArea {
  /** Where the area begins in linear memory, in bytes. */
  readonly address: number;
  /** Length of the area in bytes. */
  readonly length: number;
  /** A view of the whole area, and of nothing else. */
  bytes(): Uint8Array;
}

/** Where frames are announced, one descriptor a frame. The reader asks `room` once a batch and never exceeds it. */
export interface FrameBatch {
  /** Descriptors still free. */
  readonly room: number;
  /**
   * Announces one frame.
   *
   * @param address where its first byte lies in linear memory
   * @param captured bytes that are there
   * @param original bytes that were on the wire, never less than `captured`
   * @param timeHigh upper 32 bits of the time in nanoseconds since 1970, unsigned
   * @param timeLow lower 32 bits, unsigned
   * @param linkType LINKTYPE_ number of the tcpdump registry (1 is Ethernet)
   */
  push(
    address: number,
    captured: number,
    original: number,
    timeHigh: number,
    timeLow: number,
    linkType: number,
  ): void;
}

/** An area over an ordinary buffer of `length` bytes, for programs and tests that need no engine. */
export function heapArea(length: number): MemoryArea {
  const bytes = new Uint8Array(length);
  return { address: 0, length, bytes: () => bytes };
}
