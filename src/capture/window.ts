// What the decoders see of a capture: the bytes that are in memory now, and how far they have been read. A record cut
// by the window's end stays where it is; the reader moves its head in front of the next chunk, so that the
// decoders only ever meet whole records.
import { type ErrorCode, SpangateError } from "../errors.js";
import type { FrameBatch } from "./memory.js";

/** The readable part of the area. Positions count from the area's beginning. */
export class Window {
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Next byte to read, and the byte after the last that is there. */
  position = 0;
  end = 0;
  /** Bytes after `end` that nobody wants: the reader passes over them without keeping them. */
  skip = 0;
  /** Offset in the (uncompressed) file of the area's position 0; negative when the area starts before the file. */
  base = 0;
  /** What is wrong with the record at `position`; the reader throws it once the frames before it are out. */
  fault: SpangateError | undefined;

  /**
   * @param file name for messages
   * @param address where the area lies in linear memory
   * @param maxCaptured longest frame, in bytes, that a record may hold
   * @param maxRecord longest record, in bytes, that can be held in one piece
   */
  constructor(
    readonly file: string,
    readonly address: number,
    readonly maxCaptured: number,
    readonly maxRecord: number,
  ) {}

  /** Offset of `position` in the (uncompressed) file. */
  get offset(): number {
    return this.base + this.position;
  }

  /** Remembers what is wrong at `offset`. The message is completed with the file's name and the offset. */
  fail(code: ErrorCode, offset: number, what: string): void {
    this.fault ??= captureError(code, this.file, offset, what);
  }

  /** Moves on by `length` bytes, of which only a part may be here. */
  pass(length: number): void {
    const here = Math.min(length, this.end - this.position);
    this.position += here;
    this.skip = length - here;
  }
}

/** An error about a capture file: `FILE, byte OFFSET: WHAT`, with `details` `{ file, offset }`. */
export function captureError(
  code: ErrorCode,
  file: string,
  offset: number,
  what: string,
  cause?: unknown,
): SpangateError {
  return new SpangateError(code, `${file}, byte ${offset}: ${what}`, {
    details: { file, offset },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Reads what a format's records hold. One exists per open capture. */
export interface Decoder {
  /** Pushes frames until the batch is full, the window is used up or a fault is met; returns how many. */
  decode(window: Window, batch: FrameBatch): number;
  /** Called when the file has ended: leaves a fault in the window when that was in mid-record. */
  finish(window: Window): void;
}
