// Reads captures where there is no operating system: out of memory, a file that a page was given, or a web stream.
import { FrameReader, MAX_CAPTURED, type ReadOptions } from "./frame-reader.js";
import type { MemoryArea } from "./memory.js";
import { unpackGzip } from "./web-gzip.js";
import { type CaptureBytes, nameOf, sourceOf } from "./web-source.js";

/** An open capture, read frame by frame without an object a frame. */
export class CaptureReader extends FrameReader {
  /**
   * Opens a capture.
   *
   * @param area memory that the frames are read into; `READ_AREA_LENGTH` bytes are enough for full speed
   * Throws `CAPTURE_MAGIC` when it is no capture, `IO_FAILED` when it cannot be read, `CAPTURE_CORRUPT` or
   * `CAPTURE_TRUNCATED` when its gzip wrapping is damaged.
   */
  static async open(
    input: CaptureBytes,
    area: MemoryArea,
    options: ReadOptions = {},
  ): Promise<CaptureReader> {
    const reader = new CaptureReader(
      nameOf(input),
      sourceOf(input),
      area,
      options.maxCaptured ?? MAX_CAPTURED,
    );
    return reader.begin(unpackGzip);
  }
}
