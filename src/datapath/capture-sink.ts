// A capture file that packets of the batch go into: every mirror session is an interface of its own.

import { type CaptureWriter, createCapture, MAX_CAPTURED } from "../capture/index.js";
import type { Engine } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import { VERSION } from "../version.js";
import type { Comments } from "./comments.js";
import type { WrittenFile } from "./report.js";
import { DeliveryItems, type Items, PacketItems } from "./sink-items.js";

/** A record with the longest frame and comment. */
const LONGEST_RECORD = MAX_CAPTURED + 2048;
const LONGEST_DECLARATION = 128;
const WHOLE = 0xffff_ffff;

/** How to write a capture. */
export interface SinkOptions {
  /** Memory for blocks that wait to be written, in bytes; at least two of the longest record are taken. */
  readonly memory?: number;
  /** Permission bits of the file. */
  readonly mode?: number;
  /** Bytes after which packets are only counted, in `withheld`; no limit when absent. */
  readonly limit?: number;
  /** Most bytes of a packet; whole packets when absent. */
  readonly snaplen?: number;
  /** Deliveries are as on a wire: their length is all they ever had. */
  readonly rewritten?: boolean;
  /** Writes what the frame does not say into a comment. */
  readonly comments?: Comments;
}

export class CaptureSink {
  /** Packets in the file. */
  packets = 0;
  /** Packets for which the limit left no room. */
  withheld = 0;
  /** Packets as they came that are the last fragment of a datagram, whose others are not in the file. */
  lastFragments = 0;
  readonly #limit: number;
  readonly #engine: Engine;
  readonly #writer: CaptureWriter;
  readonly #snaplen: number;
  readonly #comments: Comments | undefined;
  readonly #packets: PacketItems;
  readonly #deliveries: DeliveryItems;
  /** Where descriptors hold an interface of this file. */
  readonly #borrowed: number[] = [];

  private constructor(
    engine: Engine,
    writer: CaptureWriter,
    { snaplen, comments, limit, rewritten }: SinkOptions,
  ) {
    this.#engine = engine;
    this.#writer = writer;
    this.#snaplen = snaplen ?? WHOLE;
    // Interface number + 1 by session, and one for what has none; untouched pages of it take no memory.
    const { address } = engine.allocate((engine.sessionCapacity + 1) * 4);
    this.#packets = new PacketItems(engine, address, this.#snaplen);
    this.#deliveries = new DeliveryItems(engine, address, rewritten === true);
    this.#limit = limit ?? Number.POSITIVE_INFINITY;
    this.#comments = writer.format === "pcapng" ? comments : undefined;
  }

  /** Creates the file; its name tells the format. Throws USAGE or IO_FAILED. */
  static async create(engine: Engine, path: string, options: SinkOptions = {}): Promise<CaptureSink> {
    const blockLength = Math.max(LONGEST_RECORD, Math.floor((options.memory ?? 0) / 4));
    const blocks = Math.max(2, Math.floor((options.memory ?? 0) / blockLength));
    const writer = await createCapture(path, engine.allocate(blocks * blockLength), {
      application: `spangate ${VERSION}`,
      blockLength,
      ...(options.mode === undefined ? {} : { mode: options.mode }),
    });
    return new CaptureSink(engine, writer, options);
  }

  /** Whether whoever read the output has gone; what is added from then on is lost, as with other tools in a pipe. */
  get closed(): boolean {
    return this.#writer.file.closed;
  }
  /** Bytes of the file so far. */
  get bytesWritten(): number {
    return this.#writer.file.bytesWritten;
  }

  /** Adds the first `count` descriptors of `numbers`, in their order. Resolves when their frames are no longer needed. */
  async add(numbers: Uint8Array, count: number): Promise<void> {
    if (this.#comments !== undefined) for (let i = 0; i < count; i++) this.#comments.write(numbers[i]!);
    await this.#write(this.#packets, numbers, count);
  }

  /** The same of deliveries that were taken. */
  async addDeliveries(numbers: Uint8Array, count: number): Promise<void> {
    await this.#write(this.#deliveries, numbers, count);
  }

  async #write(items: Items, numbers: Uint8Array, count: number): Promise<void> {
    const engine = this.#engine;
    engine.select(numbers, count);
    const { file, format } = this.#writer;
    for (let from = 0; from < count; ) {
      const to = file.reserve(Math.min(file.blockLength, items.longest(numbers[from]!)));
      if (to < 0) {
        await file.ready();
        continue;
      }
      const left = this.#limit - file.bytesWritten;
      const limit = to + Math.max(0, Math.min(file.room, left));
      const end = items.encode(format, from, count, to, limit);
      file.commit(end - to);
      from += engine.encoded;
      this.packets += engine.encoded;
      if (from === count) break;
      const isFull = engine.encoded === 0 && left < file.room && this.#isKnown(items, numbers[from]!);
      if (left < LONGEST_DECLARATION || isFull) {
        this.withheld += count - from;
        break;
      }
      if (!this.#isKnown(items, numbers[from]!)) await this.#declare(items, numbers[from]!);
    }
    this.#forget();
  }

  /** What is committed goes to the file now, and not when a block is full. */
  async flush(): Promise<void> {
    await this.#writer.file.flush();
  }

  /** Completes the file. Throws IO_FAILED. */
  async close(): Promise<void> {
    await this.#writer.close();
  }

  /** The file's accounts, after `close`. */
  written(): WrittenFile {
    const { path, isWhole } = this.#writer.file;
    return { path, packets: this.packets, bytes: this.bytesWritten, isWhole };
  }

  #isKnown(items: Items, number: number): boolean {
    return this.#engine.memory.u32[items.place(number)] !== 0;
  }

  async #declare(items: Items, number: number): Promise<void> {
    const { name, linkType, key, isLastFragment } = items.interfaceOf(number);
    const snaplen = this.#snaplen === WHOLE ? 0 : this.#snaplen;
    let known = this.#writer.interfaceFor(name, linkType, snaplen, key);
    while (known < 0) {
      await this.#writer.file.ready();
      known = this.#writer.interfaceFor(name, linkType, snaplen, key);
    }
    if (isLastFragment) this.lastFragments++;
    const place = items.place(number);
    this.#engine.memory.u32[place] = known + 1;
    if (items.isBorrowed(number)) this.#borrowed.push(place);
  }

  /** Clears the interfaces in descriptors: the next file that takes these packets has others. */
  #forget(): void {
    const { u32 } = this.#engine.memory;
    for (const place of this.#borrowed) u32[place] = 0;
    this.#borrowed.length = 0;
  }
}

/** What a file lacks although it was asked for, in a sentence each. */
export function shortcomings(sink: CaptureSink): string[] {
  const { path } = sink.written();
  const list: string[] = [];
  if (sink.withheld > 0) list.push(`${path} is full: ${sink.withheld} packets were counted and not written`);
  if (sink.lastFragments > 0) {
    list.push(
      `${path} has only the last fragment of ${sink.lastFragments} datagrams that were put together and not delivered`,
    );
  }
  return list;
}

/** Completes all files. Gives the first error instead of throwing it, so that none is left open. */
export async function closeAll(sinks: Iterable<CaptureSink>): Promise<SpangateError | undefined> {
  let failure: SpangateError | undefined;
  for (const sink of sinks) {
    try {
      await sink.close();
    } catch (error) {
      if (!(error instanceof SpangateError)) throw error;
      failure ??= error;
    }
  }
  return failure;
}
