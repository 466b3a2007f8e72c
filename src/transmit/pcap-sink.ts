// pcapng files as a sink: each mirror session is an interface, a full file makes room for the next, and a full disk is met as the
// configuration says. Packets count as sent when they are in the file.

import { SpangateError } from "../errors.js";
import { type Area, isFull, type PcapngBlocks, PcapngFile } from "./pcapng-file.js";
import { RotatingFiles } from "./rotating-files.js";
import { type Sink, type SinkMemory, type SinkTalk, STOPPED, type WaitingFrames } from "./sink.js";

/** Of a sniffer's files. Plain data. */
export interface PcapPlace {
  readonly sniffer: string;
  readonly directory: string;
  /** Bytes of a file, and how many files stay. */
  readonly size: number;
  readonly keep: number;
  readonly diskFull: "drop" | "remove-oldest" | "stop";
}

/** How long what cannot be written is refused before it is tried again, in milliseconds. */
const PAUSE = 100;

export class PcapSink implements Sink {
  readonly stopped = STOPPED.refused;
  readonly fd = -1;
  readonly patience = PAUSE;
  readonly #place: PcapPlace;
  readonly #memory: SinkMemory;
  readonly #area: Area;
  readonly #blocks: PcapngBlocks;
  readonly #talk: SinkTalk;
  #files: RotatingFiles | undefined;
  #file: PcapngFile | undefined;
  #isTroubled = false;
  #pauseEnd = 0;

  /** @param area where blocks are made; sinks of one thread may share it */
  constructor(place: PcapPlace, memory: SinkMemory, area: Area, blocks: PcapngBlocks, talk: SinkTalk) {
    this.#place = place;
    this.#memory = memory;
    this.#area = area;
    this.#blocks = blocks;
    this.#talk = talk;
  }

  send(frames: WaitingFrames, count: number): number {
    if (this.#isTroubled && performance.now() < this.#pauseEnd) return 0;
    let sent = 0;
    try {
      while (sent < count) sent += this.#write(frames, sent, count);
    } catch (error) {
      this.#fail(error as Error);
      return sent;
    }
    if (this.#isTroubled) this.#talk.trouble(undefined);
    this.#isTroubled = false;
    return sent;
  }

  /** Gives how many, at least one. Throws errors of the system when not one can be written. */
  #write(frames: WaitingFrames, first: number, count: number): number {
    const options = { limit: this.#place.size, atLeastOne: true, ofSessions: true };
    for (let end = count; ; ) {
      try {
        this.#file ??= this.#begin();
        const written = this.#file.write(frames, first, end, options);
        if (written > 0) return written;
        this.#finish();
      } catch (error) {
        if (!isFull(error)) throw error;
        if (this.#place.diskFull === "remove-oldest" && this.#makeRoom()) continue;
        // Some of them may have room.
        end = first + ((end - first) >>> 1);
        if (end === first) throw error;
      }
    }
  }

  #begin(): PcapngFile {
    const { directory, sniffer, keep } = this.#place;
    this.#files ??= new RotatingFiles(directory, sniffer, keep);
    return new PcapngFile(this.#files.open(), this.#memory, this.#area, this.#blocks, 0);
  }

  #finish(): void {
    const file = this.#file;
    this.#file = undefined;
    file?.close();
    if (file?.packets === 0) this.#files?.removeNewest();
  }

  /** Removes the sniffer's oldest file, the present one last. Whether there was one with something in it. */
  #makeRoom(): boolean {
    const files = this.#files;
    if (files === undefined) return false;
    const isWriting = this.#file !== undefined;
    if (files.count > (isWriting ? 1 : 0)) {
      files.removeOldest();
      return true;
    }
    if (this.#file === undefined || this.#file.packets === 0) return false;
    this.#finish();
    files.removeOldest();
    return true;
  }

  /** Only a full disk is worth ending the gateway for: all else may be this sniffer's alone. */
  #fail(error: Error): void {
    const { sniffer, directory, diskFull } = this.#place;
    this.#pauseEnd = performance.now() + PAUSE;
    // Nobody could read it.
    if (this.#file?.packets === 0) this.#finish();
    if (!this.#isTroubled) {
      const why = isFull(error) ? "the disk is full" : error.message;
      const text = `cannot write the files of ${sniffer} in ${directory}: ${why}`;
      this.#talk.trouble(`${text}; what is for it is a send-error`);
      if (diskFull === "stop" && isFull(error)) {
        const details = { sniffer, directory };
        this.#talk.fatal(new SpangateError("IO_FAILED", `${text} (diskFull: stop).`, { details }));
      }
    }
    this.#isTroubled = true;
  }

  close(): void {
    this.#finish();
  }
}
