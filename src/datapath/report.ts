// What a run over capture files tells when it is over.

import type { Counters, EncapsulationName, Session, SnifferAccounts } from "../engine/index.js";
import type { SpangateError } from "../errors.js";

/** How far a run is. */
export interface Progress {
  /** Bytes of the input read so far, compressed ones where the input is. */
  readonly bytesRead: number;
  /** Bytes of all inputs; absent when one is a stream. */
  readonly totalBytes?: number;
  readonly packets: number;
}

/** What a sniffer got of a tenant in one encapsulation. */
export interface Delivery {
  readonly tenant: string;
  readonly sniffer: string;
  readonly encapsulation: EncapsulationName;
  readonly packets: number;
  readonly bytes: number;
  /** Of the mirror sessions it came by, which may be shared; absent without sequence numbers. */
  readonly loss?: { readonly lost: number; readonly expected: number };
}

/** A file that was written. */
export interface WrittenFile {
  readonly path: string;
  /** Packets and bytes that were given to it. */
  readonly packets: number;
  readonly bytes: number;
  /** Whether all of them are in it: writing neither failed nor was cut off by its reader. */
  readonly isWhole: boolean;
}

/** The accounts of a run. */
export interface Report {
  readonly counters: Counters;
  readonly sessions: readonly Session[];
  /** `decap` only. */
  readonly deliveries: readonly Delivery[];
  /** By sniffer, what became of the packets it was offered: `decap` with `asDelivered` only. */
  readonly sniffers?: ReadonlyMap<string, SnifferAccounts>;
  readonly files: readonly WrittenFile[];
  /** What the run did not do although the configuration names it, or left out, in a sentence each. */
  readonly notices: readonly string[];
  /** What broke while running. Everything before it is written and counted. */
  readonly failure?: SpangateError;
}
