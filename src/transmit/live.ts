// Sending to a network: what every backend is to the data path.

/** Sending side of one worker. */
export interface Transmitter {
  /** Sends what is queued, as much as goes now. Gives how many packets. */
  transmit(): number;
  /** Frees what was sent. Gives how many packets. */
  complete(): number;
}

/** A program on an interface (bpf_link), by a descriptor of this process, and the interface's number. */
export interface AttachedGuard {
  readonly link: number;
  readonly index: number;
}

/** The delivery side of a gateway. */
export interface DeliveryPort<End = unknown> {
  readonly description: string;
  /** What whoever runs the gateway should know. */
  readonly warning?: string | undefined;
  /** What each worker sends by: sockets, or rings. */
  readonly ends: readonly End[];
  /**
   * Of a port that can be opened to take over (`held`): takes the interface, which another gateway lets go of.
   *
   * @param patience how long it waits for that, in milliseconds
   * @throws SpangateError SYSTEM_CALL (EBUSY: it has not)
   */
  take?(patience: number): Promise<void>;
  /** Its program on the interface, if it has one, which may be lent to a gateway that takes over. */
  attached?(): AttachedGuard | undefined;
  /** Keeps the program of another gateway in place of its own. False when that is of another interface. */
  adopt?(attached: AttachedGuard): boolean;
  close(): void;
}
