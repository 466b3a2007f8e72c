// A worker's seat on AF_XDP: what its thread is given, and what it makes of it.

import type { Receiver } from "../capture/live.js";
import { approximateTime, clockOffset } from "../capture/system-time.js";
import { type EngineThread, QUANTUM } from "../engine/index.js";
import { takeError, wakeTransmit } from "../linux/index.js";
import type { Transmitter } from "../transmit/live.js";

/** One socket: its descriptor, and the address of its rings for the engine. */
export interface XdpSeat {
  readonly kind: "afxdp";
  readonly fd: number;
  readonly socket: number;
}

/** Packets that the kernel may drop, one a call, before it is reception's turn again. */
const MOST_DROPPED = 64;

export class XdpReceiver implements Receiver {
  readonly fd: number;
  readonly #socket: number;
  readonly #engine: EngineThread;
  #offset = clockOffset();

  constructor(engine: EngineThread, { fd, socket }: XdpSeat) {
    this.fd = fd;
    this.#socket = socket;
    this.#engine = engine;
  }

  receive(): number {
    // AF_XDP tells no time of arrival.
    const time = approximateTime();
    const offset = clockOffset();
    if (offset !== this.#offset) this.#engine.clockSet(offset - this.#offset);
    this.#offset = offset;
    return this.#engine.receive(this.#socket, time);
  }
  refill(): void {
    this.#engine.refill(this.#socket);
  }
  woken(failed: boolean): void {
    if (failed) takeError(this.fd);
  }
}

export class XdpTransmitter implements Transmitter {
  readonly #fd: number;
  readonly #socket: number;
  readonly #engine: EngineThread;

  constructor(engine: EngineThread, { fd, socket }: XdpSeat) {
    this.#fd = fd;
    this.#socket = socket;
    this.#engine = engine;
  }

  transmit(): number {
    const packets = this.#engine.transmit(this.#socket, QUANTUM);
    for (let dropped = 0; this.#engine.unsent(this.#socket) > 0; dropped++) {
      if (dropped === MOST_DROPPED || !wakeTransmit(this.#fd)) break;
      this.#engine.notSent(this.#socket);
    }
    return packets;
  }
  complete(): number {
    return this.#engine.complete(this.#socket);
  }
}
