// `--time mirror`: the clock of ERSPAN III instead of the capture's. Whole when the sub-header has the upper bits; else the
// session's first packet anchors it at its capture time and 32-bit ticks are unwrapped from packet to packet.

import { Counter } from "../counters";
import {
  CONFIG_FLAGS,
  FLAG_MIRROR_TIME,
  GRANULARITY,
  GRANULARITY_FULL,
  HAS,
  HAS_MIRROR,
  MIRROR,
  SESSION_CAPTURE_TIME,
  SESSION_GRANULARITY,
  SESSION_MIRROR_TIME,
  SESSION_STATE,
  SESSION_TICKS,
  STATE_MIRROR,
  TIME,
} from "../memory/layout";
import { add } from "../memory/worker";

const SECOND: u64 = 1_000_000_000;
const WRAP: u64 = 0x1_0000_0000;

/** Puts the mirror's time into `d`, which belongs to the tracked session at `session`. */
export function mirrorTime(d: usize, session: usize): void {
  if ((load<u32>(CONFIG_FLAGS) & FLAG_MIRROR_TIME) == 0 || (load<u32>(d, HAS) & HAS_MIRROR) == 0) return;
  const granularity: i32 = load<u8>(d, GRANULARITY);
  if (granularity >= GRANULARITY_FULL) {
    store<u64>(d, load<u64>(d, MIRROR), TIME);
    return;
  }
  if (granularity == 3) {
    add(Counter.UnknownGranularity, 1);
    return;
  }
  unwrap(d, session, granularity);
}

function unwrap(d: usize, session: usize, granularity: i32): void {
  const ticks = load<u64>(d, MIRROR);
  const captureTime = load<u64>(d, TIME);
  let time = captureTime;
  const anchored = (load<u8>(session, SESSION_STATE) & STATE_MIRROR) != 0;
  if (anchored && <i32>load<u8>(session, SESSION_GRANULARITY) == granularity) {
    const last = <u64>load<u32>(session, SESSION_TICKS);
    const elapsed = <i64>(captureTime - load<u64>(session, SESSION_CAPTURE_TIME));
    const passed = nearest(last, ticks, granularity, elapsed);
    time = load<u64>(session, SESSION_MIRROR_TIME) + passed;
  }
  store<u8>(session, load<u8>(session, SESSION_STATE) | STATE_MIRROR, SESSION_STATE);
  store<u8>(session, <u8>granularity, SESSION_GRANULARITY);
  store<u32>(session, <u32>ticks, SESSION_TICKS);
  store<u64>(session, captureTime, SESSION_CAPTURE_TIME);
  store<u64>(session, time, SESSION_MIRROR_TIME);
  store<u64>(d, time, TIME);
}

/** Nanoseconds from tick count `last` to `ticks`, as many turns of the counter as bring it nearest to `elapsed`. */
function nearest(last: u64, ticks: u64, granularity: i32, elapsed: i64): i64 {
  const unit: u64 = granularity == 0 ? 100_000 : granularity == 1 ? 100 : 1;
  // IEEE 1588 counts nanoseconds within a second (draft-03 4.3); a value beyond that is a plain 32-bit counter.
  const turn = granularity == 2 && last < SECOND && ticks < SECOND ? SECOND : WRAP;
  const passed = <i64>(((ticks + turn - last) % turn) * unit);
  const whole = <i64>(turn * unit);
  return passed + floorDivide(elapsed - passed + whole / 2, whole) * whole;
}

function floorDivide(a: i64, b: i64): i64 {
  const quotient = a / b;
  return a % b < 0 ? quotient - 1 : quotient;
}
