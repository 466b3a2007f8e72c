// A pcapng file that is whole and readable after every call: blocks are made in an area of linear memory and written at once, and what a
// write leaves unfinished is cut off again. For threads that may wait for a disk.

import { closeSync, ftruncateSync, writeSync } from "node:fs";
import type { SinkMemory, WaitingFrames } from "./sink.js";

/** What stands around the packets (capture/blocks.ts). */
export interface PcapngBlocks {
  section(): Uint8Array;
  interface(name: string, linkType: number): Uint8Array;
}

/** A stretch of linear memory, longer than any frame with what goes before it. */
export interface Area {
  readonly address: number;
  readonly length: number;
}

/** Room for an interface's description, whose name is short. */
const LONGEST_DESCRIPTION = 256;
const ETHERNET = 1;
/** Sessions of a worker, at the most, for keys. */
const SESSIONS = 2 ** 21;

export class PcapngFile {
  /** Packets in the file. */
  packets = 0;
  readonly #fd: number;
  readonly #memory: SinkMemory;
  readonly #area: Area;
  readonly #blocks: PcapngBlocks;
  #bytes: number;
  #section: Uint8Array | undefined;
  /** Interfaces by what they are, and by session: in the file, and behind them those in the area. */
  readonly #names = new Map<string, number>();
  readonly #known = new Map<number, number>();
  #declared = 0;

  /** @param bytes there are in it already: a new section goes behind them */
  constructor(fd: number, memory: SinkMemory, area: Area, blocks: PcapngBlocks, bytes: number) {
    this.#fd = fd;
    this.#memory = memory;
    this.#area = area;
    this.#blocks = blocks;
    this.#bytes = bytes;
    this.#section = blocks.section();
  }

  /** Bytes of the file. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Writes frames from `first` to `end` (exclusive), as many as the area holds and `limit` bytes of file allow. Gives how many; 0 when the
   * limit leaves no room for one. Of a file that has no packet yet `atLeastOne` goes over the limit.
   *
   * @param ofSessions each mirror session is an interface; else each link type is one, and frames are as they came
   * @throws an error of the system (ENOSPC and others), and then the file is as it was
   */
  write(
    frames: WaitingFrames,
    first: number,
    end: number,
    { limit, atLeastOne, ofSessions }: WriteOptions,
  ): number {
    const start = this.#area.address;
    const areaEnd = start + this.#area.length;
    let to = start;
    if (this.#section !== undefined) to = this.#put(this.#section, to);
    let count = 0;
    for (let i = first; i < end; i++) {
      let at = to;
      let id = this.#idOf(frames, i, ofSessions);
      if (id < 0) {
        if (at + LONGEST_DESCRIPTION > areaEnd) break;
        at = this.#declare(frames, i, ofSessions, at);
        id = this.#idOf(frames, i, ofSessions);
      }
      const after = frames.encode(i, id, at, areaEnd);
      const isOver = after !== 0 && this.#bytes + (after - start) > limit;
      if (after === 0 || (isOver && !(atLeastOne && this.packets + count === 0))) {
        // Its interface is not in the file then either.
        if (at !== to) this.#forget(this.#names.size - 1);
        break;
      }
      to = after;
      count++;
    }
    if (count > 0) this.#commit(start, to, count);
    else this.#forget(this.#declared);
    return count;
  }

  /** What is in the area goes to the file, all of it or nothing. */
  #commit(start: number, end: number, count: number): void {
    try {
      for (let at = start; at < end; ) {
        at += writeSync(this.#fd, this.#memory.u8, at, end - at, this.#bytes + (at - start));
      }
    } catch (error) {
      this.#forget(this.#declared);
      ftruncateSync(this.#fd, this.#bytes);
      throw error;
    }
    this.#bytes += end - start;
    this.packets += count;
    this.#section = undefined;
    this.#declared = this.#names.size;
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** -1 when it has none. */
  #idOf(frames: WaitingFrames, i: number, ofSessions: boolean): number {
    return this.#known.get(keyOf(frames, i, ofSessions)) ?? -1;
  }

  /** Two workers may know the same session. Gives the end of what it put at `to`. */
  #declare(frames: WaitingFrames, i: number, ofSessions: boolean, to: number): number {
    const linkType = ofSessions ? ETHERNET : frames.linkType(i);
    const name = ofSessions ? frames.sessionName(i) : "others";
    const what = `${linkType} ${name}`;
    const known = this.#names.get(what);
    const id = known ?? this.#names.size;
    this.#known.set(keyOf(frames, i, ofSessions), id);
    if (known !== undefined) return to;
    this.#names.set(what, id);
    return this.#put(this.#blocks.interface(name, linkType), to);
  }

  /** Interfaces from number `from` on. */
  #forget(from: number): void {
    for (const [what, id] of this.#names) if (id >= from) this.#names.delete(what);
    for (const [key, id] of this.#known) if (id >= from) this.#known.delete(key);
  }

  #put(bytes: Uint8Array, to: number): number {
    this.#memory.u8.set(bytes, to);
    return to + bytes.length;
  }
}

export interface WriteOptions {
  readonly limit: number;
  readonly atLeastOne: boolean;
  readonly ofSessions: boolean;
}

function keyOf(frames: WaitingFrames, i: number, ofSessions: boolean): number {
  return ofSessions ? frames.worker * SESSIONS + frames.session(i) + 1 : frames.linkType(i);
}

/** Whether an error says that there is no room: on the disk, or for this user. */
export function isFull(error: unknown): boolean {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  return code === "ENOSPC" || code === "EDQUOT";
}
