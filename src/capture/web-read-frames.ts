// `readFrames` where there is no operating system.
import { type CapturedFrame, framesOf } from "./frames.js";
import { CaptureReader } from "./web-reader.js";
import type { CaptureBytes } from "./web-source.js";

/**
 * Reads a capture frame by frame: bytes in memory, a `File` that the page was given, or a stream of bytes. pcap and pcapng,
 * plain or in gzip (of one member).
 *
 * Throws after the frames before the fault: `CAPTURE_MAGIC` (no capture), `CAPTURE_RECORD_LENGTH`, `CAPTURE_TRUNCATED`,
 * `CAPTURE_CORRUPT`, `IO_FAILED`; `USAGE` when the source is something else.
 */
export function readFrames(source: CaptureBytes): AsyncGenerator<CapturedFrame, void, undefined> {
  return framesOf((area) => CaptureReader.open(source, area));
}
