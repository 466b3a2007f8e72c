// The time at which something arrives, where nobody else tells it.

/** Nanoseconds since 1970, to a microsecond. */
export function systemTime(): bigint {
  return BigInt(Math.round((STARTED + performance.now()) * 1e3)) * 1000n;
}

/** The same for whoever asks some hundred thousand times a second: no object, and to a quarter of a microsecond. */
export function approximateTime(): number {
  return (STARTED + performance.now()) * 1e6;
}

const STARTED = performance.timeOrigin;
