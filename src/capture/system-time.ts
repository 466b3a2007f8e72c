// The time at which something arrives, where nobody else tells it.
//
// The clock that tells the day comes in whole milliseconds, and somebody may set it; the one that runs evenly has microseconds, and no
// day. So the even one tells the time from a moment at which both were looked at, and that is done anew when they have drifted apart.

/** Nanoseconds since 1970, to a microsecond from one to the next; follows the system's clock when that is set. */
export function systemTime(): bigint {
  return BigInt(Math.round(milliseconds() * 1e3)) * 1000n;
}

/** The same for whoever asks some hundred thousand times a second: no object, and to a quarter of a microsecond. */
export function approximateTime(): number {
  return milliseconds() * 1e6;
}

/** Nanoseconds by which the system's clock is ahead of the even one, as both functions above reckon with it. */
export function clockOffset(): number {
  return origin * 1e6;
}

/** As `systemTime` when the process began, and whatever becomes of the system's clock: for waiting. */
export function steadyTime(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e3)) * 1000n;
}

/**
 * Milliseconds from one look at both clocks to the next, and by how many they may differ. Workers share token buckets: as long as one of
 * them follows a clock that has been set and another does not, each takes the other's time for another clock's, and the bucket is full.
 */
const INTERVAL = 10;
const TOLERANCE = 1;
/** Longer between a look at one clock and one at the other: the processor was somebody else's in between, and they cannot be compared. */
const APART = 0.2;
/** `Date.now()` leaves out half a millisecond on average. */
const LEFT_OUT = 0.5;

/** When the even clock was 0, in milliseconds since 1970. */
let origin = performance.timeOrigin;
let compared = Number.NEGATIVE_INFINITY;

function milliseconds(): number {
  const now = performance.now();
  if (now - compared >= INTERVAL) {
    const difference = Date.now() + LEFT_OUT - (origin + now);
    if (performance.now() - now < APART) {
      compared = now;
      if (Math.abs(difference) > TOLERANCE) origin += difference;
    }
  }
  return origin + now;
}
