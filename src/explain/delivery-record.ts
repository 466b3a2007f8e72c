// What is told of one sniffer and a packet: how its frame looks on the wire, or why there is none.

import type { HeaderRecord } from "./inner.js";

/** A frame as the sniffer's wire carries it. Lengths in bytes, without the check sequence. */
export interface WireFrame {
  readonly length: number;
  /** Zeros at its end, up to the least length of a frame. */
  readonly padding?: number | undefined;
  /** Of an IP fragment: where its data belongs in the packet, and how much it is. */
  readonly fragmentOffset?: number | undefined;
  readonly dataLength?: number | undefined;
}

/** A field of the mirrored frame that was rewritten. */
export interface Change {
  readonly field: string;
  /** In bytes from the beginning of the frame that was sent. */
  readonly offset: number;
  /** Absent where there was no such field: a tag was put in. */
  readonly before?: string;
  readonly after: string;
}

/** Bytes of the mirrored frame before and after it was cut: by the tenant's `snaplen`, or so that a tunnel's packet fits the MTU. */
export interface Cut {
  readonly by: "snaplen" | "fit";
  readonly from: number;
  readonly to: number;
}

/** One sniffer that was chosen for the packet. What does not exist is undefined. */
export interface DeliveryRecord {
  readonly sniffer: string;
  /** `deliver` of its configuration; a sniffer without is a `file`. */
  readonly deliver: string;
  /** The same in words, with where it goes: `VXLAN to 203.0.113.10`. */
  readonly way: string;
  /** `delivered`, or the refusal. */
  readonly verdict: "delivered" | "rate" | "too-large" | "queue-full";
  /** Why it was refused. */
  readonly reason: string | undefined;
  /** What is sent: one frame, or IP fragments of one packet in order. None when it was refused. */
  readonly frames: readonly WireFrame[];
  /** Bytes of the mirrored frame in them. */
  readonly sentLength: number | undefined;
  readonly cuts: readonly Cut[];
  readonly changes: readonly Change[];
  /** Headers put in front of the mirrored frame, and that frame last, with their offsets in the first of `frames`. */
  readonly headers: readonly HeaderRecord[];
}
