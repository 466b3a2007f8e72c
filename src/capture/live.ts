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
export interface TunnelPort<Seat = unknown> {
  /** `afxdp, native, zero-copy`, for the one line that says what was chosen. */
  readonly description: string;
  /** One a worker. */
  readonly seats: readonly Seat[];
  /** What the kernel lost before a worker saw it, of all workers. */
  losses(): KernelLosses;
  /** Nothing comes in any more; what has come can be received when this is done. */
  detach(): Promise<void>;
  close(): void;
}
