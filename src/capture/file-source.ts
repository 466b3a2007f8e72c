// The sources of an operating system: a file, read straight into the memory it is wanted in, or a stream of Node's.
import { constants, type FileHandle, open } from "node:fs/promises";
import { finished, type Readable } from "node:stream";
import { ioFailed, type Source, type Target } from "./source.js";

/** A file, FIFO or device. */
export class FileSource implements Source {
  bytesRead = 0;

  private constructor(
    private readonly path: string,
    private readonly handle: FileHandle,
    readonly totalBytes: number | undefined,
  ) {}

  /** Throws `IO_FAILED` when the path cannot be opened or is a directory. */
  static async open(path: string): Promise<FileSource> {
    try {
      const handle = await open(path, constants.O_RDONLY);
      const status = await handle.stat();
      if (status.isDirectory()) {
        await handle.close();
        throw new Error("it is a directory");
      }
      return new FileSource(path, handle, status.isFile() ? status.size : undefined);
    } catch (error) {
      throw ioFailed("open", path, error);
    }
  }

  async read(target: Target): Promise<number> {
    try {
      const bytes = target();
      const { bytesRead } = await this.handle.read(bytes, 0, bytes.length, null);
      this.bytesRead += bytesRead;
      return bytesRead;
    } catch (error) {
      throw ioFailed("read", this.path, error);
    }
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

/** A readable stream of bytes. It is read no faster than the bytes are asked for. */
export class StreamSource implements Source {
  bytesRead = 0;
  readonly totalBytes = undefined;
  private left: Uint8Array = new Uint8Array(0);
  private error: Error | undefined;
  private over = false;
  private wake: () => void = () => {};

  constructor(
    private readonly stream: Readable,
    private readonly name: string,
  ) {
    const end = (error?: Error | null) => {
      if (error) this.error = error;
      this.over = true;
      this.wake();
    };
    stream.on("readable", () => this.wake());
    finished(stream, { writable: false }, end); // a stream that closes before its end is an error too
  }

  async read(target: Target): Promise<number> {
    for (;;) {
      const filled = this.take(target());
      if (filled > 0) return filled;
      if (this.error !== undefined) throw ioFailed("read", this.name, this.error);
      if (this.over) return 0;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  async close(): Promise<void> {
    this.stream.destroy();
  }

  /** Moves what the stream has ready into `bytes`. */
  private take(bytes: Uint8Array): number {
    let filled = 0;
    while (filled < bytes.length) {
      if (this.left.length === 0) {
        const chunk: unknown = this.stream.read();
        if (chunk === null) break;
        this.left = typeof chunk === "string" ? Buffer.from(chunk) : (chunk as Uint8Array);
      }
      const taken = this.left.subarray(0, bytes.length - filled);
      bytes.set(taken, filled);
      filled += taken.length;
      this.left = this.left.subarray(taken.length);
    }
    this.bytesRead += filled;
    return filled;
  }
}
