// What the kernel lost on the way to a worker. It stands beside the accounts: the engine never saw these packets.

/** Packets. */
export interface KernelLosses {
  /** Of a cause that has no name here: a frame too long for a chunk, above all. */
  readonly dropped: number;
  /** The worker was behind: there was no room for another frame in its ring. */
  readonly ringFull: number;
  /** There was no free frame to receive into. */
  readonly noFrames: number;
}

export const NO_LOSSES: KernelLosses = { dropped: 0, ringFull: 0, noFrames: 0 };

export function addLosses(a: KernelLosses, b: KernelLosses): KernelLosses {
  return {
    dropped: a.dropped + b.dropped,
    ringFull: a.ringFull + b.ringFull,
    noFrames: a.noFrames + b.noFrames,
  };
}
