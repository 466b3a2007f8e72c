// Sending to a network: what every backend is to the data path.

/** Sending side of one worker. */
export interface Transmitter {
  /** Sends what is queued, as much as goes now. Gives how many packets. */
  transmit(): number;
  /** Frees what was sent. Gives how many packets. */
  complete(): number;
}

/** The delivery side of a gateway. */
export interface DeliveryPort<End = unknown> {
  readonly description: string;
  /** What whoever runs the gateway should know. */
  readonly warning?: string;
  /** What each worker sends by: sockets, or rings. */
  readonly ends: readonly End[];
  close(): void;
}
