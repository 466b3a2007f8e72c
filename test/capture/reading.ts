// Reads a capture completely through `CaptureReader`, as the engine would, and says what came out of it.
import { Readable } from "node:stream";
import { CaptureReader, type FrameBatch, heapArea, type ReadOptions } from "../../src/capture/index.js";
import { SpangateError } from "../../src/errors.js";

export interface Frame {
  readonly data: string;
  readonly original: number;
  readonly time: bigint;
  readonly linkType: number;
}

export interface Outcome {
  readonly frames: Frame[];
  /** What `open` or `advance` threw. */
  readonly error?: SpangateError;
}

export interface Reading extends ReadOptions {
  readonly area?: number;
  readonly batch?: number;
  /** Sizes of the pieces in which the stream delivers. */
  readonly pieces?: readonly number[];
}

/** Reads bytes as a stream, or a file when given its path. */
export async function readAll(input: Uint8Array | string, how: Reading = {}): Promise<Outcome> {
  const { maxCaptured = 262144, batch: size = 256 } = how;
  const area = heapArea(how.area ?? 2 * (maxCaptured + 32 + 64) + 131072);
  area.bytes().fill(0xa5);
  const frames: Frame[] = [];
  let pushed = 0;
  const batch: FrameBatch = {
    get room() {
      return size - pushed;
    },
    push(address, captured, original, timeHigh, timeLow, linkType) {
      pushed++;
      const data = Buffer.from(area.bytes().subarray(address, address + captured)).toString("hex");
      frames.push({ data, original, time: (BigInt(timeHigh) << 32n) | BigInt(timeLow), linkType });
    },
  };
  try {
    const options = { maxCaptured };
    const reader =
      typeof input === "string"
        ? await CaptureReader.open(input, area, options)
        : await CaptureReader.fromStream(Readable.from(cut(input, how.pieces)), "test.pcap", area, options);
    do {
      for (;;) {
        pushed = 0;
        if (reader.next(batch) === 0) break;
      }
    } while (await reader.advance());
    return { frames };
  } catch (error) {
    if (error instanceof SpangateError) return { frames, error };
    throw error;
  }
}

function* cut(bytes: Uint8Array, pieces: readonly number[] = []): Generator<Buffer> {
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = pieces.length === 0 ? bytes.length : Math.max(1, pieces[i % pieces.length]!);
    yield Buffer.from(bytes.subarray(at, at + size));
    at += size;
  }
}

/** Bytes that differ from frame to frame and along a frame. */
export function payload(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + seed * 31 + 1) & 0xff);
}
