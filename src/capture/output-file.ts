// Writes a file out of a given area of memory. The area is cut into blocks; while one is being filled, the filled ones
// are written by the system in the background, one a call and in order, so that a pipe or a full disk never sees them
// mixed, and each is free again as soon as it is written. When all blocks wait to be written, `reserve` says so: that is
// the backpressure.
import { close, fchmod, fstat, open, write } from "node:fs";
import { promisify } from "node:util";
import type { SpangateError } from "../errors.js";
import type { MemoryArea } from "./memory.js";
import { ioFailed } from "./source.js";

const openFile = promisify(open);
const closeFile = promisify(close);
const statFile = promisify(fstat);
const changeMode = promisify(fchmod);
const writeBytes = promisify(write);
const STANDARD_OUTPUT = 1;
const RETRY_MILLISECONDS = 2;

/** How to write. */
export interface OutputOptions {
  /** Permission bits of the file, also if it exists already. Without it what the system gives a new file. */
  readonly mode?: number;
  /** Bytes of one block (1 MiB, or half the area if that is less). Nothing longer can be reserved in one piece. */
  readonly blockLength?: number;
}

/** A stretch of a block that is filled and waits to be written. */
interface Filled {
  readonly block: number;
  readonly start: number;
  readonly end: number;
}

/** A file, or standard output, that is written from memory. */
export class OutputFile {
  /** Bytes committed, whether they have reached the file or not. */
  bytesWritten = 0;
  private readonly free: number[] = [];
  private readonly queue: Filled[] = [];
  private block: number;
  /** Where the part of the current block begins that is not queued, and where the next byte goes; in the area. */
  private start: number;
  private at: number;
  private limit: number;
  private writing = false;
  private failure: SpangateError | undefined;
  private readerGone = false;
  private ended = false;
  private waiting: (() => void)[] = [];

  private constructor(
    /** The path as it was given; `-` is standard output. */
    readonly path: string,
    private readonly descriptor: number,
    private readonly area: MemoryArea,
    /** Longest piece that can be reserved, in bytes. */
    readonly blockLength: number,
  ) {
    const blocks = Math.floor(area.length / blockLength);
    for (let block = blocks - 1; block > 0; block--) this.free.push(block);
    this.block = 0;
    this.start = 0;
    this.at = 0;
    this.limit = blockLength;
  }

  /** Creates or empties a file; `-` is standard output. Throws `IO_FAILED` when it cannot be opened. */
  static async open(path: string, area: MemoryArea, options: OutputOptions = {}): Promise<OutputFile> {
    const blockLength = options.blockLength ?? Math.min(1 << 20, Math.floor(area.length / 2));
    if (blockLength < 1 || area.length < 2 * blockLength)
      throw new RangeError(`an area of ${area.length} bytes has no room for two blocks of ${blockLength}`);
    try {
      const descriptor = path === "-" ? STANDARD_OUTPUT : await openFile(path, "w", options.mode);
      const file = new OutputFile(path, descriptor, area, blockLength);
      if (options.mode !== undefined && (await statFile(descriptor)).isFile())
        await changeMode(descriptor, options.mode);
      return file;
    } catch (error) {
      throw ioFailed("write", path, error);
    }
  }

  /** Whether the reader of a pipe has gone (EPIPE). What is written from then on is thrown away. */
  get closed(): boolean {
    return this.readerGone;
  }

  /** Whether all that was committed has reached the file, or still may. */
  get isWhole(): boolean {
    return this.failure === undefined && !this.readerGone;
  }

  /** Bytes that fit into the current block. */
  get room(): number {
    return this.limit - this.at;
  }

  /**
   * The address (in linear memory) of at least `length` free bytes in one piece, or -1 when all blocks wait to be
   * written: then `await ready()` and ask again. Reserving twice without `commit` gives the same address.
   *
   * Throws `IO_FAILED` when writing has failed, RangeError when no block is that long.
   */
  reserve(length: number): number {
    if (this.failure !== undefined) throw this.failure;
    if (length > this.limit - this.at) {
      if (length > this.blockLength)
        throw new RangeError(`${length} bytes do not fit into a block of ${this.blockLength}`);
      if (this.free.length === 0) return -1;
      this.submit(this.free.pop()!);
    }
    return this.area.address + this.at;
  }

  /** Says that the first `length` bytes of what was reserved are filled. */
  commit(length: number): void {
    this.at += length;
    this.bytesWritten += length;
  }

  /** Copies `bytes` into the file; false when there is no room until `ready()`. For headers, not for packets. */
  append(bytes: Uint8Array): boolean {
    const address = this.reserve(bytes.length);
    if (address < 0) return false;
    this.area.bytes().set(bytes, address - this.area.address);
    this.commit(bytes.length);
    return true;
  }

  /** Resolves as soon as a whole block is free. Throws `IO_FAILED`. */
  async ready(): Promise<void> {
    while (this.free.length === 0 && this.failure === undefined) await this.progress();
    if (this.failure !== undefined) throw this.failure;
  }

  /** Resolves when all that was committed is in the file. Throws `IO_FAILED`. */
  async flush(): Promise<void> {
    if (this.at > this.start) {
      // The rest of the block stays in use: it is written as a second piece later.
      this.queue.push({ block: -1, start: this.start, end: this.at });
      this.start = this.at;
      void this.write();
    }
    while (this.writing && this.failure === undefined) await this.progress();
    if (this.failure !== undefined) throw this.failure;
  }

  /** Flushes and closes. Throws `IO_FAILED`; the descriptor is closed even then. */
  async close(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    try {
      await this.flush();
    } finally {
      if (this.descriptor !== STANDARD_OUTPUT)
        await closeFile(this.descriptor).catch((error: unknown) => {
          throw ioFailed("write", this.path, error);
        });
    }
  }

  /** Queues the current block and goes on in another. */
  private submit(next: number): void {
    this.queue.push({ block: this.block, start: this.start, end: this.at });
    this.block = next;
    this.start = next * this.blockLength;
    this.at = this.start;
    this.limit = this.start + this.blockLength;
    void this.write();
  }

  private progress(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Writes what is queued, and what is queued meanwhile. Never rejects: `failure` says what went wrong. */
  private async write(): Promise<void> {
    if (this.writing) return;
    this.writing = this.queue.length > 0;
    for (let piece = this.queue.shift(); piece !== undefined; piece = this.queue.shift()) {
      if (this.failure === undefined && !this.readerGone) await this.writeAll(piece);
      if (piece.block >= 0) this.free.push(piece.block);
      this.writing = this.queue.length > 0;
      for (const resolve of this.waiting.splice(0)) resolve();
    }
  }

  private async writeAll({ start, end }: Filled): Promise<void> {
    while (start < end) {
      try {
        const { bytesWritten } = await writeBytes(this.descriptor, this.area.bytes().subarray(start, end));
        start += bytesWritten;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "EAGAIN") await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
        else {
          if (code === "EPIPE") this.readerGone = true;
          else this.failure = ioFailed("write", this.path === "-" ? "standard output" : this.path, error);
          return;
        }
      }
    }
  }
}
