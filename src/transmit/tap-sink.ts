// A TAP interface as a sink: each frame is written where it lies, and arrives at the interface, for whoever listens there.

import { REFUSED, TRY_LATER, writeFrame } from "../linux/index.js";
import { type Sink, type SinkMemory, type SinkTalk, STOPPED, type WaitingFrames } from "./sink.js";

/** Ethernet's header, which an interface's MTU does not count. */
const HEADER = 14;

/** Of an open TAP interface. Plain data. */
export interface TapPlace {
  readonly fd: number;
  readonly name: string;
  readonly mtu: number;
}

export class TapSink implements Sink {
  stopped: Sink["stopped"] = STOPPED.blocked;
  readonly fd: number;
  readonly patience = 100;
  readonly #tap: TapPlace;
  readonly #base: number;
  readonly #talk: SinkTalk;
  readonly #longest: number;
  #hasToldOfLong = false;

  constructor(tap: TapPlace, { base }: SinkMemory, talk: SinkTalk) {
    this.fd = tap.fd;
    this.#tap = tap;
    this.#base = base;
    this.#talk = talk;
    this.#longest = tap.mtu + HEADER;
  }

  send(frames: WaitingFrames, count: number): number {
    for (let i = 0; i < count; i++) {
      const length = frames.length(i);
      const written = writeFrame(this.fd, this.#base + frames.address(i), length);
      if (written === TRY_LATER || written === REFUSED) {
        this.stopped = written === REFUSED ? STOPPED.refused : STOPPED.blocked;
        return i;
      }
      if (length > this.#longest && !this.#hasToldOfLong) this.#tellOfLong(length);
    }
    return count;
  }

  /** They do arrive: an MTU is for what an interface sends. Who makes buffers by it cuts them. */
  #tellOfLong(length: number): void {
    this.#hasToldOfLong = true;
    const { name, mtu } = this.#tap;
    this.#talk.remark(
      `frames of ${length} bytes go to ${name}, whose MTU is ${mtu}: programs that make their buffers by it cut them (ip link set ${name} mtu ${length - HEADER})`,
    );
  }

  /** The descriptor is the main thread's to close. */
  close(): void {}
}
