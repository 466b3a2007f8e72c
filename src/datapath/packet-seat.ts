// A worker's seat on AF_PACKET: what its thread is given, and what it makes of it.

import type { Receiver } from "../capture/live.js";
import { type EngineThread, QUANTUM } from "../engine/index.js";
import { REFUSED, sendMessages, TRY_LATER, takeError } from "../linux/index.js";
import type { Transmitter } from "../transmit/live.js";

/** A socket: its descriptor, and the address of its ring for the engine. */
export interface PacketTunnelSeat {
  readonly kind: "afpacket";
  readonly fd: number;
  readonly ring: number;
}

/** A socket: its descriptor, and the address of its messages for the engine. */
export interface PacketDeliverySeat {
  readonly kind: "afpacket";
  readonly fd: number;
  readonly messages: number;
  /** Where linear memory begins in this process. */
  readonly base: number;
}

export class PacketReceiver implements Receiver {
  readonly fd: number;
  readonly #ring: number;
  readonly #engine: EngineThread;

  constructor(engine: EngineThread, { fd, ring }: PacketTunnelSeat) {
    this.fd = fd;
    this.#ring = ring;
    this.#engine = engine;
  }

  receive(): number {
    return this.#engine.receivePackets(this.#ring);
  }
  /** Blocks go back as they are emptied. */
  refill(): void {}
  woken(failed: boolean): void {
    if (failed) takeError(this.fd);
  }
}

export class PacketTransmitter implements Transmitter {
  readonly #fd: number;
  readonly #messages: number;
  readonly #base: number;
  readonly #engine: EngineThread;

  constructor(engine: EngineThread, { fd, messages, base }: PacketDeliverySeat) {
    this.#fd = fd;
    this.#messages = messages;
    this.#base = base;
    this.#engine = engine;
  }

  transmit(): number {
    let packets = 0;
    for (;;) {
      const waiting = this.#engine.prepareMessages(this.#messages, QUANTUM);
      if (waiting === 0) return packets;
      const first = this.#base + this.#engine.nextMessage(this.#messages);
      const sent = sendMessages(this.#fd, first, waiting);
      if (sent === TRY_LATER) return packets;
      packets +=
        sent === REFUSED
          ? this.#engine.settleMessages(this.#messages, 0, true)
          : this.#engine.settleMessages(this.#messages, sent, false);
    }
  }
  /** What is sent is done with. */
  complete(): number {
    return 0;
  }
}
