// The easy way to read a capture: one object a frame. Costs an allocation and a copy for each; the engine does not
// come this way.
import { type FrameReader, READ_AREA_LENGTH } from "./frame-reader.js";
import { type FrameBatch, heapArea, type MemoryArea } from "./memory.js";

/** One frame of a capture. */
export interface CapturedFrame {
  /** The bytes that were captured; a copy. */
  readonly data: Uint8Array;
  /** Bytes that were on the wire. */
  readonly originalLength: number;
  /** Nanoseconds since 1970. */
  readonly timestamp: bigint;
  /** LINKTYPE_ number of the tcpdump registry (1 is Ethernet). */
  readonly linkType: number;
}

const BATCH = 256;

/** The frames of a capture that `open` opens for reading into the area it is given. */
export async function* framesOf(
  open: (area: MemoryArea) => Promise<FrameReader>,
): AsyncGenerator<CapturedFrame, void, undefined> {
  const area = heapArea(READ_AREA_LENGTH);
  const bytes = area.bytes();
  const frames: CapturedFrame[] = [];
  const batch: FrameBatch = {
    get room() {
      return BATCH - frames.length;
    },
    push(address, captured, original, timeHigh, timeLow, linkType) {
      frames.push({
        data: bytes.slice(address, address + captured),
        originalLength: original,
        timestamp: (BigInt(timeHigh) << 32n) | BigInt(timeLow),
        linkType,
      });
    },
  };
  const reader = await open(area);
  try {
    do {
      while (reader.next(batch) > 0) yield* frames.splice(0);
    } while (await reader.advance());
  } finally {
    await reader.close();
  }
}
