// Receiving from a network: what every backend is to the data path. The main thread opens a tunnel port, and each worker thread gets a
// seat of it: plain data, from which the thread makes its receiver.

import type { XdpMode } from "../linux/index.js";
import type { KernelLosses } from "../telemetry/losses.js";

/** Receiving side of one worker. */
export interface Receiver {
  /** Announces the frames that have come, a batch of them at the most, in the worker's descriptors. Gives how many. */
  receive(): number;
  /** Makes room for more. In each round of the worker's loop. */
  refill(): void;
  /** After `poll` told of `fd`, with `failed` of an error of it: takes away what it would tell of again at once. */
  woken(failed: boolean): void;
  /** Ready to be read when a frame has come. */
  readonly fd: number;
}

/** What a gateway that takes over from another one has to see to in the other's place. */
export interface Handed {
  /** The other has turned the interface's VLAN offload off, and whoever comes last turns it on again. */
  readonly rxVlan: boolean;
}

/** The tunnel side of a gateway. */
export interface TunnelPort<End = unknown> {
  /** `afxdp, in the driver, copy`, for the one line that says what was chosen. */
  readonly description: string;
  /** What whoever runs the gateway should know. */
  readonly warning?: string;
  /** What each worker receives from: sockets, or rings. */
  readonly ends: readonly End[];
  /** What the kernel lost before a worker saw it, of all workers. @throws SpangateError SYSTEM_CALL */
  losses(): KernelLosses;
  /**
   * Nothing comes in any more, and nobody answers what would have, as far as a sealed gateway can see to that; what has come can be
   * received when this is done.
   *
   * @throws SpangateError SYSTEM_CALL
   */
  detach(): Promise<void>;
  close(): void;
  /**
   * Of a port that can be opened to take over (`held`): takes the interface, which another gateway has let go of or is about to.
   *
   * @param patience how long it waits for that, in milliseconds
   * @throws SpangateError SYSTEM_CALL (EBUSY: it has not)
   */
  take?(patience: number): Promise<void>;
  /** How another gateway can take over from this one; undefined when none can. */
  readonly handover?: Handover;
  /** After `close`: what of the interface is not as it was before. */
  readonly notRestored?: string | undefined;
}

/** A port's part in handing its interface over to another gateway. */
export interface Handover {
  /** What it takes AF_PACKET's sockets do not see; else they see everything, too. */
  readonly takesFirst: boolean;
  /** From now on sockets of another gateway may hold what this one's hold; or no more. */
  share(isShared: boolean): void;
  /** Its program on the interface, if it has one: whoever is lent it may put another in its place. */
  attached?(): Attached | undefined;
  /** Before `detach`: nothing more comes in from now on, and others get it. `close` then leaves the interface as it is. */
  letGo(): Promise<Handed>;
}

/** A program on an interface (bpf_link), by descriptors of this process. */
export interface Attached {
  readonly link: number;
  readonly program: number;
  readonly mode: XdpMode;
  /** Of the interface. */
  readonly index: number;
}

/** A port to which another gateway's interface was handed over. */
export interface Heir {
  /**
   * Puts its own program in the place of another gateway's, which then takes nothing in any more: the kernel gets what would come, and
   * AF_PACKET sees it, until `take`. False when that is of another interface, or not what this port was told to use.
   */
  adopt(attached: Attached): boolean;
  inherit(handed: Handed): void;
}
