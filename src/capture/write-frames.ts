// `writeFrames` where there is an operating system.
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type CaptureOptions, encodeFrames, type Frames, type FrameToWrite } from "./encode-frames.js";
import { heapArea } from "./memory.js";
import { OutputFile } from "./output-file.js";
import { ioFailed } from "./source.js";
import { writeFrames as writeToWebStream } from "./web-write-frames.js";
import { formatOf } from "./writer.js";

/** Longest piece that is handed to the file at once, and four of them may wait. */
const BLOCK = 1 << 20;

/**
 * Writes a capture of `frames` into a file (its name ends in .pcapng or .pcap), to standard output (`-`), or into a stream of
 * Node's or of the web, which is ended. Resolves to the bytes written.
 *
 * Throws `USAGE` when the name tells no format, `OUTPUT_LINK_TYPE` when the format is pcap and the frames are of two link
 * types, `IO_FAILED` when writing fails, and what `frames` throws; what came before stays written.
 */
export async function writeFrames(
  frames: Frames<FrameToWrite>,
  target: string | Writable | WritableStream<Uint8Array>,
  options: CaptureOptions = {},
): Promise<number> {
  if (typeof target === "string") {
    return writeToFile(encodeFrames(frames, { format: formatOf(target), ...options }), target);
  }
  if (!("pipe" in target)) return writeToWebStream(frames, target, options);
  return writeToStream(encodeFrames(frames, options), target);
}

async function writeToFile(pieces: AsyncIterable<Uint8Array>, path: string): Promise<number> {
  const file = await OutputFile.open(path, heapArea(4 * BLOCK), { blockLength: BLOCK });
  try {
    for await (const piece of pieces) {
      for (let at = 0; at < piece.length; ) {
        const part = piece.subarray(at, at + BLOCK);
        if (file.append(part)) at += part.length;
        else await file.ready();
      }
      if (file.closed) break;
    }
  } finally {
    await file.close();
  }
  return file.bytesWritten;
}

async function writeToStream(pieces: AsyncIterable<Uint8Array>, stream: Writable): Promise<number> {
  let bytes = 0;
  let failure: { readonly cause: unknown } | undefined;
  const counted = async function* () {
    try {
      for await (const piece of pieces) {
        bytes += piece.length;
        yield piece;
      }
    } catch (cause) {
      failure = { cause };
      throw cause;
    }
  };
  try {
    await pipeline(counted, stream);
  } catch (error) {
    throw failure === undefined ? ioFailed("write", "the stream", error) : failure.cause;
  }
  return bytes;
}
