// The token bucket of a rate, as theoretical arrival time (GCRA, ITU-T I.371). Units of time are 1/256 ns.

const SECOND = 256n * 1_000_000_000n;
const BURST_TIME = SECOND / 20n; // 50 ms
const BURST_BYTES = 131_072n;
const MOST = 2n ** 64n - 1n;

export class TokenBucket {
  /** Time units a byte costs, 32.32. */
  private readonly cost: bigint;
  private readonly depth: bigint;
  /** Modulo 2^64; undefined while the bucket was never used. */
  private arrival: bigint | undefined;

  constructor(bitsPerSecond: number) {
    const cost = (8n * SECOND * 2n ** 32n) / BigInt(bitsPerSecond);
    this.cost = cost < MOST ? cost : MOST;
    const burst = this.costOf(BURST_BYTES);
    this.depth = burst > BURST_TIME ? burst : BURST_TIME;
  }

  private costOf(bytes: bigint): bigint {
    return (bytes * this.cost) >> 32n;
  }

  /** Charges a packet of so many bytes at `time`; false when that is too much, and nothing is charged. */
  take(bytes: number, time: bigint): boolean {
    const now = BigInt.asUintN(64, time * 256n);
    let ahead = BigInt.asIntN(64, (this.arrival ?? now) - now);
    if (ahead > this.depth + SECOND) ahead = 0n; // Another clock. One far in the past is full anyway.
    if (ahead < 0n) ahead = 0n;
    const cost = this.costOf(BigInt(bytes));
    if (ahead + cost > this.depth) return false;
    this.arrival = BigInt.asUintN(64, now + ahead + cost);
    return true;
  }
}
