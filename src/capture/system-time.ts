// The time at which something arrives, where nobody else tells it.

/** Nanoseconds since 1970, to a microsecond. */
export function systemTime(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e3)) * 1000n;
}
