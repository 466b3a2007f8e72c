// Receiving from a network: what every backend is to the data path. The main thread opens a tunnel port, and each worker thread gets a
// seat of it: plain data, from which the thread makes its receiver.

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
  /** After `close`: what of the interface is not as it was before. */
  readonly notRestored?: string | undefined;
}
