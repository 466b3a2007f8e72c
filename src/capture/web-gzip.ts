// Unpacks gzip with what browsers have. One member only: their decompressor takes what follows the first for a fault.
import type { Source } from "./source.js";
import { WebStreamSource } from "./web-source.js";
import { captureError } from "./window.js";

/** Compressed bytes handed over at once. */
const PIECE = 32 * 1024;

/** The unpacked bytes of a source that is gzip. Throws `CAPTURE_CORRUPT` or `CAPTURE_TRUNCATED`. */
export function unpackGzip(name: string, packed: Source, head: Uint8Array): Source {
  let hasEnded = false;
  const compressed = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => controller.enqueue(head.slice()),
    async pull(controller) {
      const piece = new Uint8Array(PIECE);
      const length = await packed.read(() => piece);
      hasEnded = length === 0;
      if (hasEnded) controller.close();
      else controller.enqueue(piece.subarray(0, length));
    },
    cancel: () => packed.close(),
  });
  const unpacked: Source = new WebStreamSource(
    compressed.pipeThrough(new DecompressionStream("gzip")),
    name,
    (error) => {
      const what = hasEnded ? "the gzip data ends early" : "the gzip data is damaged, or of several members";
      return captureError(
        hasEnded ? "CAPTURE_TRUNCATED" : "CAPTURE_CORRUPT",
        name,
        unpacked.bytesRead,
        what,
        error,
      );
    },
  );
  return unpacked;
}
