// `readFrames` where there is an operating system.
import type { Readable } from "node:stream";
import { type CapturedFrame, framesOf } from "./frames.js";
import { CaptureReader } from "./reader.js";
import type { CaptureBytes } from "./web-source.js";

/**
 * Reads a capture frame by frame: a path, `-` for standard input, a stream of bytes (of Node's or of the web), or bytes in
 * memory. pcap and pcapng, plain or in gzip.
 *
 * Throws after the frames before the fault: `CAPTURE_MAGIC` (no capture), `CAPTURE_RECORD_LENGTH`, `CAPTURE_TRUNCATED`,
 * `CAPTURE_CORRUPT`, `IO_FAILED`.
 */
export function readFrames(
  source: string | Readable | CaptureBytes,
): AsyncGenerator<CapturedFrame, void, undefined> {
  return framesOf((area) =>
    isReadable(source)
      ? CaptureReader.fromStream(source, "the stream", area)
      : CaptureReader.open(source, area),
  );
}

function isReadable(source: string | Readable | CaptureBytes): source is Readable {
  return typeof source === "object" && source !== null && "pipe" in source;
}
