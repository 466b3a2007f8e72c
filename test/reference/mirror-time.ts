// ERSPAN III's clock as nanoseconds since the epoch (draft-foschiano-erspan-03, DESIGN "Time").

import type { MirrorClock } from "./tunnel.js";

const WRAP = 2n ** 32n;
const SECOND = 1_000_000_000n;
const USER_DEFINED = 3;
/** Nanoseconds of one tick, by granularity. */
const UNIT: Record<number, bigint> = { 0: 100_000n, 1: 100n, 2: 1n };

/** The time a clock states whole, without help of the capture's. */
export function absoluteTime(clock: MirrorClock): bigint | undefined {
  const { platform } = clock;
  if (platform === undefined) return undefined;
  const timestamp = BigInt(clock.timestamp);
  if (clock.granularity === USER_DEFINED && platform.id === 3)
    return BigInt(platform.word) * WRAP + timestamp;
  if (clock.granularity === 2 && (platform.id === 5 || platform.id === 6)) {
    return BigInt(platform.word) * SECOND + timestamp;
  }
  return undefined;
}

export function isUnknownGranularity(clock: MirrorClock): boolean {
  return clock.granularity === USER_DEFINED && absoluteTime(clock) === undefined;
}

/** A session's clock whose upper bits are unknown: anchored at a capture time, then unwrapped. */
export class RelativeClock {
  private last: { granularity: number; timestamp: bigint; capture: bigint; mirror: bigint } | undefined;

  time(clock: MirrorClock, capture: bigint): bigint {
    const timestamp = BigInt(clock.timestamp);
    const { granularity } = clock;
    let mirror = capture;
    if (this.last?.granularity === granularity) {
      mirror = this.last.mirror + elapsed(granularity, this.last, timestamp, capture - this.last.capture);
    }
    this.last = { granularity, timestamp, capture, mirror };
    return mirror;
  }
}

/** Of all distances the two timestamps allow, the one nearest what the capture's clock says. */
function elapsed(
  granularity: number,
  last: { timestamp: bigint },
  timestamp: bigint,
  captured: bigint,
): bigint {
  const unit = UNIT[granularity]!;
  const nanoseconds = granularity === 2 && last.timestamp < SECOND && timestamp < SECOND;
  const modulus = nanoseconds ? SECOND : WRAP;
  const distance = (((timestamp - last.timestamp) % modulus) + modulus) % modulus;
  const turn = modulus * unit;
  const turns = floorDivide(captured - distance * unit + turn / 2n, turn);
  return distance * unit + turns * turn;
}

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}
