// The sources that need no operating system: bytes in memory, a file that a page was given, a web stream.
import { SpangateError } from "../errors.js";
import { ioFailed, type Source, type Target } from "./source.js";

/** A capture that is in memory, in a page's file, or comes as a web stream. */
export type CaptureBytes = Uint8Array | ArrayBuffer | Blob | ReadableStream<Uint8Array>;

/** What messages call it. */
export function nameOf(input: CaptureBytes): string {
  const name = (input as { readonly name?: unknown } | null)?.name;
  return typeof name === "string" && name !== "" ? name : "the capture";
}

/** Throws `USAGE` when `input` is nothing that a capture can be read from. */
export function sourceOf(input: CaptureBytes): Source {
  if (input instanceof Uint8Array) return new BytesSource(input);
  if (input instanceof ArrayBuffer) return new BytesSource(new Uint8Array(input));
  if (input instanceof Blob) return new BlobSource(input);
  if (input instanceof ReadableStream) return new WebStreamSource(input, "the capture");
  throw new SpangateError(
    "USAGE",
    "A capture is read from a Uint8Array, an ArrayBuffer, a Blob or a ReadableStream; in Node.js also from a path or a Readable.",
  );
}

/** Bytes in memory. */
class BytesSource implements Source {
  bytesRead = 0;
  readonly totalBytes: number;

  constructor(private readonly bytes: Uint8Array) {
    this.totalBytes = bytes.length;
  }

  async read(target: Target): Promise<number> {
    const to = target();
    const piece = this.bytes.subarray(this.bytesRead, this.bytesRead + to.length);
    to.set(piece);
    this.bytesRead += piece.length;
    return piece.length;
  }

  async close(): Promise<void> {}
}

/** A file that a page was given, read piece by piece. */
class BlobSource implements Source {
  bytesRead = 0;
  readonly totalBytes: number;

  constructor(private readonly blob: Blob) {
    this.totalBytes = blob.size;
  }

  async read(target: Target): Promise<number> {
    const slice = this.blob.slice(this.bytesRead, this.bytesRead + target().length);
    let piece: Uint8Array;
    try {
      piece = new Uint8Array(await slice.arrayBuffer());
    } catch (error) {
      throw ioFailed("read", nameOf(this.blob), error);
    }
    target().set(piece);
    this.bytesRead += piece.length;
    return piece.length;
  }

  async close(): Promise<void> {}
}

/** A web stream of bytes. It is read no faster than the bytes are asked for. */
export class WebStreamSource implements Source {
  bytesRead = 0;
  readonly totalBytes = undefined;
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  private left: Uint8Array = new Uint8Array(0);

  constructor(
    stream: ReadableStream<Uint8Array>,
    private readonly name: string,
    private readonly wrap: (error: unknown) => unknown = (error) => ioFailed("read", this.name, error),
  ) {
    this.reader = stream.getReader();
  }

  async read(target: Target): Promise<number> {
    while (this.left.length === 0) {
      const { done, value } = await this.reader.read().catch((error: unknown) => {
        throw this.wrap(error);
      });
      if (done) return 0;
      this.left = value;
    }
    const to = target();
    const piece = this.left.subarray(0, to.length);
    to.set(piece);
    this.left = this.left.subarray(piece.length);
    this.bytesRead += piece.length;
    return piece.length;
  }

  async close(): Promise<void> {
    await this.reader.cancel().catch(() => {}); // a stream that failed says so once more
  }
}
