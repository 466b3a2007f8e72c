// What a sender's thread is given, and what it makes of it: a sink for each sniffer. Plain data.

import { interfaceDescription, sectionHeader } from "../capture/blocks.js";
import { messagePlaces, type SenderSeat, type SenderThread } from "../engine/index.js";
import { addressOf } from "../linux/index.js";
import { PacketSink } from "../transmit/packet-sink.js";
import { type PcapPlace, PcapSink } from "../transmit/pcap-sink.js";
import type { Area, PcapngBlocks } from "../transmit/pcapng-file.js";
import { type QuarantinePlace, QuarantineSink } from "../transmit/quarantine-sink.js";
import type { Sink, SinkTalk } from "../transmit/sink.js";
import { type TapPlace, TapSink } from "../transmit/tap-sink.js";
import { VERSION } from "../version.js";

/** The delivery interface: a socket's descriptor, and the address of its messages for the engine. */
export interface PacketSinkSeat {
  readonly kind: "packet";
  readonly fd: number;
  readonly messages: number;
}

export type SinkSeat =
  | PacketSinkSeat
  | ({ readonly kind: "tap" } & TapPlace)
  | ({ readonly kind: "pcap" } & PcapPlace)
  | ({ readonly kind: "quarantine" } & QuarantinePlace);

/** A sniffer's queue and where its frames go. */
export interface OutletSeat {
  /** Whose it is, for people. */
  readonly name: string;
  /** Number of the queue, and the address of the notes about it. */
  readonly queue: number;
  readonly notes: number;
  readonly sink: SinkSeat;
}

export interface SenderThreadSeat {
  readonly engine: SenderSeat;
  /** Where files' blocks are made. */
  readonly area: Area;
  /** Address of its control words. */
  readonly control: number;
  readonly event: number;
  readonly outlets: readonly OutletSeat[];
}

/** What the main thread says to a sender. One that is added takes the place of one with the same queue. */
export type SenderOrder = { readonly add: OutletSeat } | { readonly remove: number };

/** What a sender says to the main thread. */
export type SenderWord =
  | "ready"
  /** The queue is empty, its sink complete, and nobody looks at it any more. */
  | { readonly left: number }
  /** Its sink is complete and another in its place. */
  | { readonly replaced: number }
  | { readonly name: string; readonly trouble: string | undefined }
  | { readonly remark: string }
  | { readonly fatal: unknown };

const BLOCKS: PcapngBlocks = {
  section: () => sectionHeader(`spangate ${VERSION}`),
  interface: (name, linkType) => interfaceDescription(name, linkType, 0),
};

/** @throws SpangateError, and errors of the system */
export function sinkOf(sender: SenderThread, area: Area, seat: SinkSeat, talk: SinkTalk): Sink {
  const { u8, u32 } = sender.memory;
  const memory = { u8, u32, base: addressOf(u8) };
  switch (seat.kind) {
    case "packet":
      return new PacketSink(seat.fd, memory, messagePlaces(memory, seat.messages));
    case "tap":
      return new TapSink(seat, memory, talk);
    case "pcap":
      return new PcapSink(seat, memory, area, BLOCKS, talk);
    case "quarantine":
      return new QuarantineSink(seat, memory, area, BLOCKS, talk);
  }
}
