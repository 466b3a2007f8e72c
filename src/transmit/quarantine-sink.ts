// The quarantine's file as a sink: packets of no tenant as they came, each link type an interface, as far as a limit goes.

import { fstatSync } from "node:fs";
import { type Area, type PcapngBlocks, PcapngFile } from "./pcapng-file.js";
import { type Sink, type SinkMemory, type SinkTalk, STOPPED, type WaitingFrames } from "./sink.js";

/** Of the open file, which is the main thread's to close. Plain data. */
export interface QuarantinePlace {
  readonly fd: number;
  readonly path: string;
  /** Bytes. */
  readonly limit: number;
}

/** How long it is before a write that has failed is tried again, in milliseconds. */
const PAUSE = 100;

export class QuarantineSink implements Sink {
  readonly stopped = STOPPED.refused;
  readonly fd = -1;
  readonly patience = PAUSE;
  readonly #place: QuarantinePlace;
  readonly #file: PcapngFile;
  readonly #talk: SinkTalk;
  #isFull = false;
  #isTroubled = false;
  #pauseEnd = 0;

  constructor(place: QuarantinePlace, memory: SinkMemory, area: Area, blocks: PcapngBlocks, talk: SinkTalk) {
    this.#place = place;
    this.#talk = talk;
    // What a thread before this one has written stays.
    this.#file = new PcapngFile(place.fd, memory, area, blocks, fstatSync(place.fd).size);
  }

  send(frames: WaitingFrames, count: number): number {
    if (this.#isFull) return 0;
    if (this.#isTroubled && performance.now() < this.#pauseEnd) return 0;
    const { path, limit } = this.#place;
    try {
      const options = { limit, atLeastOne: false, ofSessions: false };
      let sent = 0;
      while (sent < count) {
        const written = this.#file.write(frames, sent, count, options);
        if (written === 0) {
          this.#isFull = true;
          this.#talk.trouble(
            `${path} has reached its limit of ${limit} bytes: further unmapped packets are only counted`,
          );
          return sent;
        }
        sent += written;
      }
      if (this.#isTroubled) this.#talk.trouble(undefined);
      this.#isTroubled = false;
      return sent;
    } catch (error) {
      if (!this.#isTroubled)
        this.#talk.trouble(
          `cannot write ${path}: ${(error as Error).message}; unmapped packets are only counted`,
        );
      this.#isTroubled = true;
      this.#pauseEnd = performance.now() + PAUSE;
      return 0;
    }
  }

  close(): void {}
}
