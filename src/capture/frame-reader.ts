// Reads a capture file into a given area of memory and announces the frames where they lie. The area has two halves,
// filled in turn: while the frames of one are used, the system reads the next bytes into the other. A record cut by the
// end of a half is completed by copying its head into the headroom before the other, so each frame is in one piece:
//
//   | headroom | chunk ............ cut| headroom | chunk .................. |
//                                   └── copied ──▶└┘
import { type CaptureFormat, decoderFor, isGzip, MAGIC_LENGTH } from "./format.js";
import type { FrameBatch, MemoryArea } from "./memory.js";
import { ENHANCED_OVERHEAD } from "./pcapng.js";
import { fill, type Source } from "./source.js";
import { type Decoder, Window } from "./window.js";

/** Longest frame that is read, in bytes: the limit of libpcap and Wireshark. */
export const MAX_CAPTURED = 262_144;
/** Area, in bytes, with which reading is as fast as it gets: two chunks of 2 MiB and their headroom. */
export const READ_AREA_LENGTH = 2 * (headroomFor(MAX_CAPTURED) + (2 << 20));

/** How to read. */
export interface ReadOptions {
  /** Longest frame accepted, in bytes (262,144). A smaller limit lets a smaller area do; records over it are faults. */
  readonly maxCaptured?: number;
}

function headroomFor(maxCaptured: number): number {
  return Math.ceil((maxCaptured + ENHANCED_OVERHEAD) / 64) * 64;
}

/** Gives the unpacked bytes of `packed`, whose beginning `head` was read already; `reopen` gives the packed ones once more. */
export type Unpack = (
  name: string,
  packed: Source,
  head: Uint8Array,
  reopen: (() => Promise<Source>) | undefined,
) => Source;

/**
 * An open capture: pcap or pcapng, plain or in gzip. Where it is read from, and what unpacks it, say the classes built on this.
 *
 * Call `next` until it gives 0, using the frames of each batch, then `advance`, until that gives false. Frames stay
 * where they are until `advance` is called.
 */
export class FrameReader {
  private readonly window: Window;
  private readonly headroom: number;
  private readonly half: number;
  private halfInUse = 1;
  private total = 0;
  private pending: Promise<number> | undefined;
  private sourceError: unknown;
  private closed = false;
  private decoder!: Decoder;
  private captureFormat!: CaptureFormat;

  /** @internal */
  protected constructor(
    /** The file's name as it stands in messages. */
    readonly name: string,
    private source: Source,
    private readonly area: MemoryArea,
    maxCaptured: number,
  ) {
    this.headroom = headroomFor(maxCaptured);
    this.half = Math.floor(area.length / 2);
    if (this.half <= this.headroom)
      throw new RangeError(
        `an area of ${area.length} bytes is too small for frames of ${maxCaptured}: ${2 * this.headroom + 2} at least`,
      );
    this.window = new Window(name, area.address, maxCaptured, this.headroom);
  }

  /**
   * Recognises the capture and gives the reader; without success closes the source.
   *
   * @internal
   */
  protected async begin(unpack: Unpack, reopen?: () => Promise<Source>): Promise<this> {
    try {
      await this.recognise(unpack, reopen);
      return this;
    } catch (error) {
      await this.source.close();
      throw error;
    }
  }

  /** `pcap` or `pcapng`. */
  get format(): CaptureFormat {
    return this.captureFormat;
  }

  /** Bytes of the file read so far, compressed if it is: for progress. */
  get bytesRead(): number {
    return this.source.bytesRead;
  }

  /** Size of the file in bytes; undefined for streams. */
  get totalBytes(): number | undefined {
    return this.source.totalBytes;
  }

  /**
   * Pushes frames until the batch is full or the chunk is used up, and returns how many. A fault in the file ends
   * the frames; `advance` reports it.
   */
  next(batch: FrameBatch): number {
    const { window } = this;
    const bytes = this.area.bytes();
    const { view } = window;
    if (view.buffer !== bytes.buffer || view.byteOffset !== bytes.byteOffset)
      window.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return this.decoder.decode(window, batch);
  }

  /**
   * Goes on to the next chunk; the frames of the last one are gone. Returns false at the end of the file.
   *
   * Throws what is wrong with the file, after all frames before the fault have been pushed: `CAPTURE_RECORD_LENGTH`,
   * `CAPTURE_TRUNCATED`, `CAPTURE_CORRUPT`, `CAPTURE_MAGIC` (of a later section), `IO_FAILED`. Those about the
   * capture have `details` `{ file, offset }`, the offset in bytes of the uncompressed file.
   */
  async advance(): Promise<boolean> {
    if (this.closed) return false;
    try {
      const { window } = this;
      if (window.fault !== undefined) throw window.fault;
      for (;;) {
        const filled = await this.pending!;
        if (filled === 0) break;
        this.swap(filled);
        if (window.position < window.end) return true;
      }
      if (this.sourceError !== undefined) throw this.sourceError;
      this.next(NO_ROOM); // the view may have moved
      this.decoder.finish(window);
      if (window.fault !== undefined) throw window.fault;
    } catch (error) {
      await this.close();
      throw error;
    }
    await this.close();
    return false;
  }

  /** Stops reading. Needed only when the capture is not read to its end. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    if (this.source.totalBytes !== undefined) await this.pending; // a stream may never answer, a file does
    await this.source.close();
  }

  /** Reads the first bytes, unpacks if they ask for it, chooses the decoder, and starts reading. */
  private async recognise(unpack: Unpack, reopen: (() => Promise<Source>) | undefined): Promise<void> {
    let head = new Uint8Array(MAGIC_LENGTH);
    head = head.subarray(0, await fill(this.source, head));
    if (isGzip(head)) {
      this.source = unpack(this.name, this.source, head, reopen);
      head = new Uint8Array(MAGIC_LENGTH);
      head = head.subarray(0, await fill(this.source, head));
    }
    ({ format: this.captureFormat, decoder: this.decoder } = decoderFor(this.name, head));
    // The magic lies at the end of the second half, whence `swap` takes it in front of the first.
    const { window } = this;
    window.position = 2 * this.half - head.length;
    window.end = 2 * this.half;
    window.base = -window.position;
    this.area.bytes().set(head, window.position);
    this.total = head.length;
    this.read();
  }

  /** Starts to fill the half that is not in use. */
  private read(): void {
    const start = (1 - this.halfInUse) * this.half + this.headroom;
    const target = () => this.area.bytes().subarray(start, start + this.half - this.headroom);
    this.pending = this.source.read(target).catch((error: unknown) => {
      this.sourceError = error;
      return 0;
    });
  }

  /** Makes the freshly filled half the window, with what is left of the other in front. */
  private swap(filled: number): void {
    const { window } = this;
    this.halfInUse = 1 - this.halfInUse;
    const start = this.halfInUse * this.half + this.headroom;
    const left = window.end - window.position;
    if (left > this.headroom) throw new Error("advance() was called before next() had used up the chunk");
    this.area.bytes().copyWithin(start - left, window.position, window.end);
    const skipped = Math.min(window.skip, filled);
    window.skip -= skipped;
    window.position = start - left + skipped; // nothing is left when something is skipped
    window.end = start + filled;
    window.base = this.total - start;
    this.total += filled;
    this.read();
  }
}

const NO_ROOM: FrameBatch = { room: 0, push: () => {} };
