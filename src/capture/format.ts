// Tells from its first bytes what a file is. The name does not count: captures are often named wrongly.
import { MAGIC_MICROSECONDS, MAGIC_MODIFIED, MAGIC_NANOSECONDS, PcapDecoder } from "./pcap.js";
import { PcapngDecoder, SECTION } from "./pcapng.js";
import { captureError, type Decoder } from "./window.js";

/** Formats that are read and written. */
export type CaptureFormat = "pcap" | "pcapng";

/** Bytes that are enough to tell. */
export const MAGIC_LENGTH = 4;

/** What people hand in by mistake, by its first bytes in hexadecimal. */
const FOREIGN: readonly (readonly [magic: string, what: string])[] = [
  ["28b52ffd", "zstd data, unpack it first (zstd -d)"],
  ["fd377a58", "xz data, unpack it first (xz -d)"],
  ["425a68", "bzip2 data, unpack it first (bzip2 -d)"],
  ["04224d18", "LZ4 data, unpack it first (lz4 -d)"],
  ["504b0304", "a zip archive, unpack it first"],
  ["736e6f6f", "a snoop capture, convert it first (editcap -F pcapng)"],
  ["474d4255", "a Microsoft Network Monitor capture, convert it first (editcap -F pcapng)"],
  ["1f8b", "gzip data within gzip data, unpack it once more"],
];

/** Whether a file begins with the mark of gzip (RFC 1952). */
export function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

/**
 * The decoder for a file that begins with `head` (up to 4 bytes).
 *
 * Throws `CAPTURE_MAGIC` when it is neither pcap nor pcapng; the message says what the bytes were.
 */
export function decoderFor(file: string, head: Uint8Array): { format: CaptureFormat; decoder: Decoder } {
  if (head.length >= MAGIC_LENGTH) {
    const view = new DataView(head.buffer, head.byteOffset, MAGIC_LENGTH);
    if (view.getUint32(0) === SECTION) return { format: "pcapng", decoder: new PcapngDecoder() };
    for (const littleEndian of [true, false]) {
      const magic = view.getUint32(0, littleEndian);
      if (magic === MAGIC_MICROSECONDS)
        return { format: "pcap", decoder: new PcapDecoder(littleEndian, 1000) };
      if (magic === MAGIC_NANOSECONDS) return { format: "pcap", decoder: new PcapDecoder(littleEndian, 1) };
      if (magic === MAGIC_MODIFIED)
        throw captureError(
          "CAPTURE_MAGIC",
          file,
          0,
          "a modified pcap file (magic a1b2cd34, Kuznetzov's variant) is not read; convert it with editcap -F pcapng",
        );
    }
  }
  throw captureError("CAPTURE_MAGIC", file, 0, `${found(head)}; pcap and pcapng are read, plain or in gzip`);
}

function found(head: Uint8Array): string {
  if (head.length === 0) return "the file is empty";
  const hex = Array.from(head, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const bytes = hex.replace(/(..)(?=.)/g, "$1 ");
  if (head.length < MAGIC_LENGTH) return `the file has only ${head.length} bytes (${bytes})`;
  const foreign = FOREIGN.find(([magic]) => hex.startsWith(magic));
  return `the file begins with ${bytes}${foreign === undefined ? "" : `, which is ${foreign[1]}`}`;
}
