// The easy way to write a capture: frames as objects in, the bytes of a capture file out, piece by piece. Runs wherever there is
// JavaScript.
import { VERSION } from "../version.js";
import {
  interfaceDescription,
  packetBlockLength,
  pcapHeader,
  putPacketBlock,
  putRecord,
  sectionHeader,
} from "./blocks.js";
import type { CaptureFormat } from "./format.js";
import { MAX_CAPTURED } from "./frame-reader.js";
import { RECORD_HEADER_LENGTH } from "./pcap.js";
import { twoLinkTypes } from "./pcap-writer.js";

/** A frame to write. Every `CapturedFrame` and every `Delivery` is one. */
export interface FrameToWrite {
  /** The captured bytes; they are read before the next frame is asked for. */
  readonly data: Uint8Array;
  /** Bytes that were on the wire; as many as there are when absent. */
  readonly originalLength?: number | undefined;
  /** Nanoseconds since 1970; 0 when absent. */
  readonly timestamp?: bigint | undefined;
  /** LINKTYPE_ number of the tcpdump registry; 1 (Ethernet) when absent. */
  readonly linkType?: number | undefined;
  /** Name of the interface; pcapng only. Frames of one name and link type share an interface. */
  readonly interface?: string | undefined;
  /** pcapng only. */
  readonly direction?: "in" | "out" | undefined;
}

/** How a capture is written. */
export interface CaptureOptions {
  /** `pcapng` when absent. */
  readonly format?: CaptureFormat;
  /** What writes the file, for the header of a pcapng file; `spangate` and its version when absent. */
  readonly application?: string;
}

/** Frames that are there, or still to come. */
export type Frames<Frame> = AsyncIterable<Frame> | Iterable<Frame>;

/** Bytes of a piece; a longer frame makes a longer one. */
const PIECE = 64 * 1024;
const ETHERNET = 1;

/**
 * The bytes of a capture of `frames`, in pieces that are the caller's own. A file without frames still has its header.
 *
 * Throws `OUTPUT_LINK_TYPE` when the format is pcap and the frames are of two link types, and what `frames` throws; after the
 * bytes of the frames before.
 */
export async function* encodeFrames(
  frames: Frames<FrameToWrite>,
  options: CaptureOptions = {},
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const pieces = new Pieces();
  const encoder =
    options.format === "pcap"
      ? new PcapEncoder(pieces)
      : new PcapngEncoder(pieces, options.application ?? `spangate ${VERSION}`);
  try {
    for await (const frame of frames) {
      encoder.add(frame);
      if (pieces.isFull) yield* pieces.take();
    }
  } catch (error) {
    yield* pieces.take();
    throw error;
  }
  encoder.end();
  yield* pieces.take();
}

/** The bytes of a capture of `frames` in one piece. Throws as `encodeFrames`. */
export async function captureBytes(
  frames: Frames<FrameToWrite>,
  options: CaptureOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of encodeFrames(frames, options)) {
    pieces.push(piece);
    length += piece.length;
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** What is encoded and not yet given out. */
class Pieces {
  #full: Uint8Array<ArrayBuffer>[] = [];
  #view = new DataView(new ArrayBuffer(PIECE));
  #at = 0;

  get isFull(): boolean {
    return this.#full.length > 0;
  }

  /** Has `put` write `length` bytes, which are zeros before. */
  write(length: number, put: (to: DataView, at: number) => void): void {
    if (this.#at + length > this.#view.byteLength) {
      this.#finish();
      this.#view = new DataView(new ArrayBuffer(Math.max(PIECE, length)));
    }
    put(this.#view, this.#at);
    this.#at += length;
  }

  append(bytes: Uint8Array): void {
    this.write(bytes.length, (to, at) => new Uint8Array(to.buffer, at).set(bytes));
  }

  /** Everything so far. */
  take(): Uint8Array<ArrayBuffer>[] {
    if (!this.isFull) {
      this.#finish();
      this.#view = new DataView(new ArrayBuffer(PIECE));
    }
    return this.#full.splice(0);
  }

  #finish(): void {
    if (this.#at > 0) this.#full.push(new Uint8Array(this.#view.buffer as ArrayBuffer, 0, this.#at));
    this.#at = 0;
  }
}

class PcapngEncoder {
  readonly #pieces: Pieces;
  /** Interface number by link type and name. */
  readonly #interfaces = new Map<string, number>();

  constructor(pieces: Pieces, application: string) {
    this.#pieces = pieces;
    pieces.append(sectionHeader(application));
  }

  add({
    data,
    originalLength = data.length,
    timestamp = 0n,
    linkType = ETHERNET,
    ...rest
  }: FrameToWrite): void {
    const id = this.#interface(rest.interface ?? "", linkType);
    const packet = { originalLength, timestamp, direction: rest.direction };
    this.#pieces.write(packetBlockLength(data.length, packet), (to, at) =>
      putPacketBlock(to, at, id, data, packet),
    );
  }

  #interface(name: string, linkType: number): number {
    const key = `${linkType} ${name}`;
    let id = this.#interfaces.get(key);
    if (id === undefined) {
      id = this.#interfaces.size;
      this.#interfaces.set(key, id);
      this.#pieces.append(interfaceDescription(name, linkType, 0));
    }
    return id;
  }

  end(): void {}
}

class PcapEncoder {
  readonly #pieces: Pieces;
  #linkType = -1;

  constructor(pieces: Pieces) {
    this.#pieces = pieces;
  }

  add({ data, originalLength = data.length, timestamp = 0n, linkType = ETHERNET }: FrameToWrite): void {
    this.#begin(linkType);
    this.#pieces.write(RECORD_HEADER_LENGTH + data.length, (to, at) =>
      putRecord(to, at, data, { originalLength, timestamp }),
    );
  }

  end(): void {
    if (this.#linkType < 0) this.#begin(ETHERNET);
  }

  #begin(linkType: number): void {
    if (linkType === this.#linkType) return;
    if (this.#linkType >= 0) throw twoLinkTypes("the capture", this.#linkType, linkType);
    this.#linkType = linkType;
    this.#pieces.append(pcapHeader(linkType, MAX_CAPTURED));
  }
}
