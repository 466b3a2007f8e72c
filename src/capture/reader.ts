// Reads captures where there is an operating system: from a file, a pipe, a stream of Node's, or memory.
import type { Readable } from "node:stream";
import { FileSource, StreamSource } from "./file-source.js";
import { FrameReader, MAX_CAPTURED, type ReadOptions } from "./frame-reader.js";
import { GzipSource } from "./gzip.js";
import type { MemoryArea } from "./memory.js";
import type { Source } from "./source.js";
import { type CaptureBytes, nameOf, sourceOf } from "./web-source.js";

/** An open capture, read frame by frame without an object a frame. */
export class CaptureReader extends FrameReader {
  /**
   * Opens a file, standard input (`-`), or a capture that is in memory or comes as a web stream.
   *
   * @param area memory that the frames are read into; `READ_AREA_LENGTH` bytes are enough for full speed
   * Throws `CAPTURE_MAGIC` when it is no capture, `IO_FAILED` when it cannot be read, `CAPTURE_CORRUPT` or
   * `CAPTURE_TRUNCATED` when its gzip wrapping is damaged at the very beginning.
   */
  static async open(
    input: string | CaptureBytes,
    area: MemoryArea,
    options: ReadOptions = {},
  ): Promise<CaptureReader> {
    if (typeof input !== "string") return CaptureReader.start(nameOf(input), sourceOf(input), area, options);
    if (input === "-") return CaptureReader.fromStream(process.stdin, "standard input", area, options);
    const reopen = () => FileSource.open(input);
    return CaptureReader.start(input, await reopen(), area, options, reopen);
  }

  /** Reads a stream of bytes. `name` stands in messages. Throws as `open` does. */
  static fromStream(
    stream: Readable,
    name: string,
    area: MemoryArea,
    options: ReadOptions = {},
  ): Promise<CaptureReader> {
    return CaptureReader.start(name, new StreamSource(stream, name), area, options);
  }

  private static async start(
    name: string,
    source: Source,
    area: MemoryArea,
    options: ReadOptions,
    reopen?: () => Promise<Source>,
  ): Promise<CaptureReader> {
    let reader: CaptureReader;
    try {
      reader = new CaptureReader(name, source, area, options.maxCaptured ?? MAX_CAPTURED);
    } catch (error) {
      await source.close();
      throw error;
    }
    return reader.begin((...packed) => new GzipSource(...packed), reopen);
  }
}
