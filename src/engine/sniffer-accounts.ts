// What became of a sniffer's packets.

/** Packets of a sniffer: offered = sent + tooLarge + rate + droppedNewest + droppedOldest + sendError + queued + inFlight. */
export interface SnifferAccounts {
  readonly offered: number;
  readonly sent: number;
  readonly tooLarge: number;
  readonly rate: number;
  readonly droppedNewest: number;
  readonly droppedOldest: number;
  readonly sendError: number;
  /** Now. */
  readonly queued: number;
  /** Taken by a sender that is not done with them, now. */
  readonly inFlight: number;
  /** Bytes of the packets sent. */
  readonly sentBytes: number;
}

/** Why packets were dropped that were offered: for people and metrics, and in the accounts. */
export const DROP_REASONS = [
  ["rate", "rate"],
  ["too-large", "tooLarge"],
  ["dropped-newest", "droppedNewest"],
  ["dropped-oldest", "droppedOldest"],
  ["send-error", "sendError"],
] as const satisfies (readonly [string, keyof SnifferAccounts])[];

/** Of a sniffer that was offered nothing. */
export const NO_ACCOUNTS: SnifferAccounts = {
  offered: 0,
  sent: 0,
  tooLarge: 0,
  rate: 0,
  droppedNewest: 0,
  droppedOldest: 0,
  sendError: 0,
  queued: 0,
  inFlight: 0,
  sentBytes: 0,
};

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export function addAccounts(a: SnifferAccounts | undefined, b: SnifferAccounts): SnifferAccounts {
  if (a === undefined) return b;
  const total: Mutable<SnifferAccounts> = { ...a };
  for (const key of Object.keys(b) as (keyof SnifferAccounts)[]) total[key] += b[key];
  return total;
}
