// What goes out live, written into a capture in place of an interface: Ethernet frames, as they would stand on the wire, with the time at
// which each came here. Frames that came are in the file as soon as no more come.

import { SpangateError } from "../errors.js";
import { VERSION } from "../version.js";
import { packetBlockLength, putPacketBlock, putRecord } from "./blocks.js";
import type { CaptureWriter } from "./capture-writer.js";
import { heapArea, type MemoryArea } from "./memory.js";
import { RECORD_HEADER_LENGTH } from "./pcap.js";
import { systemTime } from "./system-time.js";
import { createCapture } from "./writer.js";

/** Bytes that are written at once, and four of them may wait: many times the longest frame. */
const BLOCK = 1 << 20;
const BLOCKS = 4;
const ETHERNET = 1;

export class Recording {
  readonly #writer: CaptureWriter;
  readonly #area: MemoryArea;
  readonly #interface: number;
  readonly #now: () => bigint;

  private constructor(writer: CaptureWriter, area: MemoryArea, now: () => bigint) {
    this.#writer = writer;
    this.#area = area;
    this.#now = now;
    this.#interface = writer.interfaceFor("", ETHERNET);
  }

  /**
   * Creates or empties a file, .pcapng or .pcap by its name; `-` is standard output, in pcapng.
   *
   * @param now nanoseconds since 1970
   * @throws SpangateError USAGE, IO_FAILED
   */
  static async open(path: string, now: () => bigint = systemTime): Promise<Recording> {
    const area = heapArea(BLOCKS * BLOCK);
    const options = { application: `spangate ${VERSION}`, blockLength: BLOCK };
    return new Recording(await createCapture(path, area, options), area, now);
  }

  /** Takes a frame, which is copied. False: not now, or never again; `ready` tells. */
  accept(frame: Uint8Array): boolean {
    const { file, format } = this.#writer;
    const packet = { originalLength: frame.length, timestamp: this.#now() };
    const length =
      format === "pcapng" ? packetBlockLength(frame.length, packet) : RECORD_HEADER_LENGTH + frame.length;
    const place = file.closed ? -1 : this.#reserve(length);
    if (place < 0) return false;
    const bytes = this.#area
      .bytes()
      .subarray(place, place + length)
      .fill(0);
    const view = new DataView(bytes.buffer, bytes.byteOffset, length);
    if (format === "pcapng") putPacketBlock(view, 0, this.#interface, frame, packet);
    else putRecord(view, 0, frame, packet);
    file.commit(length);
    return true;
  }

  /** Place in the area; -1 when there is none now, or writing has failed. */
  #reserve(length: number): number {
    try {
      const address = this.#writer.file.reserve(length);
      return address < 0 ? -1 : address - this.#area.address;
    } catch {
      return -1; // `ready` says why
    }
  }

  /** Resolves when there is room again. Throws IO_FAILED. */
  async ready(): Promise<void> {
    await this.#writer.file.ready();
    this.#expectReader();
  }

  /** Resolves when everything that was accepted is written. Throws IO_FAILED. */
  async idle(): Promise<void> {
    await this.#writer.file.flush();
    this.#expectReader();
  }

  /** Throws IO_FAILED. */
  async close(): Promise<void> {
    await this.#writer.close();
    this.#expectReader();
  }

  #expectReader(): void {
    const { closed, path } = this.#writer.file;
    if (!closed) return;
    const what = path === "-" ? "standard output" : path;
    throw new SpangateError("IO_FAILED", `cannot write ${what}: whoever read it has gone`, {
      details: { file: path },
    });
  }
}
