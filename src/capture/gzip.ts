// Unpacks gzip on the way, members one after the other (RFC 1952 2.2). What zlib had unpacked before a fault must not
// be lost, and that needs two things which piping into a gunzip stream does not give: the end of the input is announced
// only after all output is out, and a damaged piece is unpacked once more, byte by byte, up to the fault itself.
import { createGunzip, type Gunzip } from "node:zlib";
import { fill, type Source, type Target } from "./source.js";
import { captureError } from "./window.js";

/** Compressed bytes handed to zlib at once. */
const PIECE = 32 * 1024;
const CHUNK = 256 * 1024;

/** The unpacked bytes of a source that is gzip. Throws `CAPTURE_CORRUPT` or `CAPTURE_TRUNCATED` after the last good byte. */
export class GzipSource implements Source {
  private readonly piece = Buffer.alloc(PIECE);
  private member: Unpacker = new Unpacker();
  private unpacked = 0;
  private delivered = 0;
  private consumed = 0;
  private state: "open" | "ended" | "failed" = "open";
  private failure: Error | undefined;

  /**
   * @param name for messages
   * @param packed the compressed bytes after `head`
   * @param head compressed bytes that were read already to recognise the format
   * @param reopen gives the compressed bytes from the beginning once more; without it up to 32 KiB of compressed
   *   bytes before a fault are lost
   */
  constructor(
    private readonly name: string,
    private readonly packed: Source,
    private head: Uint8Array,
    private readonly reopen?: () => Promise<Source>,
  ) {}

  get bytesRead(): number {
    return this.packed.bytesRead;
  }

  get totalBytes(): number | undefined {
    return this.packed.totalBytes;
  }

  async read(target: Target): Promise<number> {
    for (;;) {
      const taken = this.member.take(target());
      this.delivered += taken;
      if (taken > 0) return taken;
      if (this.state === "ended") return 0;
      if (this.state === "failed") throw this.fault();
      await this.step();
    }
  }

  async close(): Promise<void> {
    this.member.close();
    await this.packed.close();
  }

  /** Unpacks one piece, or finishes. */
  private async step(): Promise<void> {
    let piece = this.head;
    this.head = new Uint8Array(0);
    if (piece.length === 0) piece = this.piece.subarray(0, await this.packed.read(() => this.piece));
    const before = this.unpacked;
    try {
      if (piece.length === 0) {
        await this.member.end();
        this.state = "ended";
      } else if (await this.member.write(piece)) this.state = "ended";
      this.unpacked = this.member.produced;
      this.consumed += piece.length;
    } catch (error) {
      this.failure = error as Error;
      this.state = "failed";
      if (piece.length > 0 && this.reopen !== undefined) await this.salvage(before, await this.reopen());
    }
  }

  /** Unpacks the file again up to the fault, and keeps what lies behind the first `known` bytes. */
  private async salvage(known: number, again: Source): Promise<void> {
    this.member.close();
    const unpacker = new Unpacker();
    try {
      for (let left = this.consumed; left > 0; ) {
        const got = await fill(again, this.piece.subarray(0, Math.min(left, PIECE)));
        if (got === 0) return;
        await unpacker.write(this.piece.subarray(0, got));
        unpacker.drop(known);
        left -= got;
      }
      const last = Buffer.from(this.piece.subarray(0, await fill(again, this.piece)));
      for (let at = 0; at < last.length; at++) await unpacker.write(last.subarray(at, at + 1));
    } catch {
      unpacker.drop(known);
      this.member = unpacker;
    } finally {
      await again.close();
    }
  }

  private fault(): Error {
    const failure = this.failure!;
    if ((failure as NodeJS.ErrnoException).code === "Z_BUF_ERROR")
      return captureError(
        "CAPTURE_TRUNCATED",
        this.name,
        this.delivered,
        "the gzip data ends early",
        failure,
      );
    const what = `the gzip data is damaged (${failure.message})`;
    return captureError("CAPTURE_CORRUPT", this.name, this.delivered, what, failure);
  }
}

/** zlib with a queue of its own, because a stream that fails throws away what it has not handed out. */
class Unpacker {
  /** Bytes unpacked so far. */
  produced = 0;
  private readonly gunzip: Gunzip = createGunzip({ chunkSize: CHUNK });
  private readonly queue: Uint8Array[] = [];
  private dropped = 0;

  constructor() {
    this.gunzip.on("data", (chunk: Buffer) => {
      this.produced += chunk.length;
      this.queue.push(chunk);
    });
    this.gunzip.on("error", () => {}); // write and end report it
  }

  /** Unpacks; true when zlib takes no more, because what follows the last member is not gzip. */
  write(piece: Uint8Array): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const over = () => settle(() => resolve(true));
      const failed = (error: Error) => settle(() => reject(error));
      const settle = (report: () => void) => {
        this.gunzip.off("end", over);
        this.gunzip.off("error", failed);
        report();
      };
      this.gunzip.once("end", over);
      this.gunzip.once("error", failed);
      this.gunzip.write(piece, (error) => {
        if (error) return failed(error);
        while (this.gunzip.readableLength > 0 && this.gunzip.read() !== null);
        settle(() => resolve(false));
      });
    });
  }

  /** Throws when the last member is not whole. */
  end(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.gunzip.once("end", resolve);
      this.gunzip.once("error", reject);
      this.gunzip.end();
    });
  }

  /** Moves unpacked bytes into `target`. */
  take(target: Uint8Array): number {
    let filled = 0;
    while (filled < target.length && this.queue.length > 0) {
      const first = this.queue[0]!;
      const taken = first.subarray(0, target.length - filled);
      target.set(taken, filled);
      filled += taken.length;
      if (taken.length === first.length) this.queue.shift();
      else this.queue[0] = first.subarray(taken.length);
    }
    return filled;
  }

  /** Forgets what belongs to the first `count` bytes of all that was unpacked. */
  drop(count: number): void {
    while (this.dropped < count && this.queue.length > 0) {
      const first = this.queue[0]!;
      const size = Math.min(first.length, count - this.dropped);
      this.dropped += size;
      if (size === first.length) this.queue.shift();
      else this.queue[0] = first.subarray(size);
    }
  }

  close(): void {
    this.gunzip.destroy();
  }
}
