// A worker's seat at UDP sockets that send: of each frame that the engine has made ready for a sniffer behind VXLAN or GENEVE, what is in
// the UDP datagram goes to where its headers say, and the kernel writes headers of its own. What the engine has written there besides
// says by which socket.

import { MESSAGES } from "../../assembly/memory/sockets.js";
import { type EngineThread, QUANTUM } from "../engine/index.js";
import { DatagramsOut, REFUSED, type SendMessages, sendMessages, TRY_LATER } from "../linux/index.js";
import type { Transmitter } from "../transmit/live.js";
import { FRAGMENTS_AT, kindOf } from "../transmit/udp.js";

export interface UdpDeliverySeat {
  readonly kind: "udp";
  /** By kind (transmit/udp.ts): descriptors, -1 where this machine has no such socket. */
  readonly fds: readonly number[];
  /** Address of the messages for the engine, and where they lie. */
  readonly messages: number;
  readonly at: SendMessages;
  /** Where linear memory begins in this process. */
  readonly base: number;
}

/** Offsets in a frame without tags, and in headers. */
const ETHER_TYPE = 12;
const IP = 14;
const IPV6_FIRST = 0x86;
const IP_LENGTHS = { 4: 20, 6: 40 } as const;
const DESTINATIONS = { 4: 16, 6: 24 } as const;
const UDP_PORT = 2;
const UDP_LENGTH = 4;
const UDP_CHECKSUM = 6;
const UDP = 8;

export class UdpTransmitter implements Transmitter {
  readonly #engine: EngineThread;
  readonly #fds: readonly number[];
  readonly #messages: number;
  readonly #base: number;
  readonly #bytes: Uint8Array;
  readonly #out: DatagramsOut;
  /** By message: by which socket it goes. */
  readonly #kinds = new Uint8Array(MESSAGES);
  /** Of the messages that are made: the next one, and how many there are. */
  #next = 0;
  #count = 0;

  constructor(engine: EngineThread, { fds, messages, at, base }: UdpDeliverySeat) {
    this.#engine = engine;
    this.#fds = fds;
    this.#messages = messages;
    this.#base = base;
    this.#bytes = engine.bytes;
    this.#out = new DatagramsOut({ bytes: engine.bytes, base }, at, MESSAGES);
  }

  transmit(): number {
    let packets = 0;
    for (;;) {
      if (this.#next === this.#count) {
        this.#count = this.#engine.prepareMessages(this.#messages, QUANTUM);
        this.#next = 0;
        if (this.#count === 0) return packets;
        for (let i = 0; i < this.#count; i++) this.#address(i);
      }
      const sent = this.#send();
      if (sent === TRY_LATER) return packets;
      // The kernel cuts what is too long, so that each message is a packet.
      this.#next += sent === REFUSED ? 1 : sent;
      packets +=
        sent === REFUSED
          ? this.#engine.settleMessages(this.#messages, 0, true)
          : this.#engine.settleMessages(this.#messages, sent, false);
    }
  }

  /** Those that are next and go by one socket. */
  #send(): number {
    const kind = this.#kinds[this.#next]!;
    const fd = this.#fds[kind]!;
    if (fd < 0) return REFUSED;
    let end = this.#next + 1;
    while (end < this.#count && this.#kinds[end] === kind) end++;
    const first = this.#base + this.#engine.nextMessage(this.#messages);
    return sendMessages(fd, first, end - this.#next);
  }

  /** Makes message `i`, which would send a frame, send what is in its datagram. */
  #address(i: number): void {
    const bytes = this.#bytes;
    const frame = this.#out.part(i);
    const family = bytes[frame + ETHER_TYPE] === IPV6_FIRST ? 6 : 4;
    const ip = frame + IP;
    const udp = ip + IP_LENGTHS[family];
    const length = ((bytes[udp + UDP_LENGTH]! << 8) | bytes[udp + UDP_LENGTH + 1]!) - UDP;
    const hasChecksum = (bytes[udp + UDP_CHECKSUM]! | bytes[udp + UDP_CHECKSUM + 1]!) !== 0;
    this.#kinds[i] = kindOf(family, hasChecksum, bytes[frame + FRAGMENTS_AT] !== 0);
    this.#out.address(i, udp + UDP, length, family, udp + UDP_PORT, ip + DESTINATIONS[family]);
  }

  /** What is sent is done with. */
  complete(): number {
    return 0;
  }
}
