// What a capture file is written from: packets of the batch, or deliveries taken from sniffers' queues. Each knows where the
// interface of one of its items is noted, and what that interface is.

import * as at from "../../assembly/memory/layout.js";
import { type Engine, Verdict } from "../engine/index.js";

const ETHERNET = 1;
/** What a record has beside the frame, at most, its comment included. */
const RECORD_OVERHEAD = 2048;

/** An interface of a capture file. */
export interface SinkInterface {
  readonly name: string;
  readonly linkType: number;
  /** The same for items of one interface. */
  readonly key: string;
  /** The item is the last fragment of a datagram, as it came. */
  readonly isLastFragment: boolean;
}

/** Items by number, as one file writes them. */
export interface Items {
  /** Engine.encode or Engine.encodeDeliveries, of the selection. */
  encode(format: "pcapng" | "pcap", from: number, count: number, to: number, limit: number): number;
  /** Bytes that the records of an item take at most. */
  longest(item: number): number;
  /** Index of the word of memory in which number + 1 of its interface stands. */
  place(item: number): number;
  /** Whether that word is the item's own, and to be cleared behind it. */
  isBorrowed(item: number): boolean;
  interfaceOf(item: number): SinkInterface;
}

/** Descriptors of the batch. */
export class PacketItems implements Items {
  readonly #engine: Engine;
  readonly #interfaces: number;
  readonly #snaplen: number;

  /** @param interfaces address of the interfaces by session */
  constructor(engine: Engine, interfaces: number, snaplen: number) {
    this.#engine = engine;
    this.#interfaces = interfaces;
    this.#snaplen = snaplen;
  }

  encode(format: "pcapng" | "pcap", from: number, count: number, to: number, limit: number): number {
    return this.#engine.encode(format, from, count, to, limit, this.#snaplen, this.#interfaces);
  }
  longest(item: number): number {
    const { batch } = this.#engine;
    return RECORD_OVERHEAD + Math.max(batch.word(item, at.INNER_CAPTURED), batch.word(item, at.CAPTURED));
  }
  /** With its session's, or in itself when it has none, or comes as it was. */
  place(item: number): number {
    const session = this.#session(item);
    return session >= 0
      ? (this.#interfaces >>> 2) + session
      : (this.#engine.batch.address(item) + at.INTERFACE) >>> 2;
  }
  isBorrowed(item: number): boolean {
    return this.#session(item) < 0;
  }
  interfaceOf(item: number): SinkInterface {
    const { batch, sessions } = this.#engine;
    const asCaptured = batch.verdict(item) !== Verdict.Delivered;
    const session = this.#session(item);
    const linkType = asCaptured ? batch.word(item, at.LINK_TYPE) : ETHERNET;
    const name = asCaptured ? "others" : session < 0 ? "untracked" : sessions.name(session);
    return {
      name,
      linkType,
      key: session < 0 ? `${name} ${linkType}` : `session ${session}`,
      isLastFragment: asCaptured && (batch.word(item, at.HAS) & at.HAS_DATAGRAM) !== 0,
    };
  }
  #session(item: number): number {
    const { batch } = this.#engine;
    return batch.verdict(item) === Verdict.Delivered ? batch.session(item) : -1;
  }
}

/** Deliveries that were taken. */
export class DeliveryItems implements Items {
  readonly #engine: Engine;
  readonly #interfaces: number;
  readonly #rewritten: boolean;

  /** @param interfaces address of the interfaces by session, and behind them of the one for what has none */
  constructor(engine: Engine, interfaces: number, rewritten: boolean) {
    this.#engine = engine;
    this.#interfaces = interfaces;
    this.#rewritten = rewritten;
  }

  encode(format: "pcapng" | "pcap", from: number, count: number, to: number, limit: number): number {
    return this.#engine.encodeDeliveries(format, from, count, to, limit, this.#rewritten, this.#interfaces);
  }
  longest(item: number): number {
    const { deliveries } = this.#engine;
    let bytes = 0;
    for (let record = deliveries.record(item); record !== 0; record = deliveries.next(record))
      bytes += RECORD_OVERHEAD + deliveries.word(record, at.RECORD_LENGTH);
    return bytes;
  }
  place(item: number): number {
    const session = this.#session(item);
    return (this.#interfaces >>> 2) + (session >= 0 ? session : this.#engine.sessionCapacity);
  }
  isBorrowed(): boolean {
    return false;
  }
  interfaceOf(item: number): SinkInterface {
    const session = this.#session(item);
    const name = session < 0 ? "untracked" : this.#engine.sessions.name(session);
    return { name, linkType: ETHERNET, key: `session ${session}`, isLastFragment: false };
  }
  #session(item: number): number {
    const { deliveries } = this.#engine;
    return deliveries.about(deliveries.record(item), at.SESSION) | 0;
  }
}
