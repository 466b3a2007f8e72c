// Where a capture's bytes come from, whatever that is: file-source.ts has those of an operating system, web-source.ts the others.
import { SpangateError } from "../errors.js";

/** Where to read to. Asked at the moment of writing: WebAssembly memory that grows takes its old views away. */
export type Target = () => Uint8Array;

/** A sequence of bytes that is read once, from the beginning to the end. */
export interface Source {
  /** Bytes taken from the file or stream so far, compressed if it is. */
  readonly bytesRead: number;
  /** Size of the file in bytes; undefined when nobody can know it. */
  readonly totalBytes: number | undefined;
  /** Fills the beginning of the target and returns how many bytes it got; 0 only at the end. One call at a time. */
  read(target: Target): Promise<number>;
  close(): Promise<void>;
}

/** Wraps what the system said into `IO_FAILED` with the path. */
export function ioFailed(doing: string, path: string, cause: unknown): SpangateError {
  const { code, message } = cause as Error & { readonly code?: string };
  return new SpangateError("IO_FAILED", `cannot ${doing} ${path}: ${message ?? code ?? String(cause)}`, {
    cause,
    details: { file: path, ...(code === undefined ? {} : { cause: code }) },
  });
}

/** Reads until `target` is full or the source has ended. */
export async function fill(source: Source, target: Uint8Array): Promise<number> {
  let filled = 0;
  while (filled < target.length) {
    const got = await source.read(() => target.subarray(filled));
    if (got === 0) break;
    filled += got;
  }
  return filled;
}
