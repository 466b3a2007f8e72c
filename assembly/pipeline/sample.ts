// A packet now and then of the tenant that somebody watches: the whole frame as it came, beside what became of it. Frames are changed
// where they lie once their tenant is found, so one that may be the tenant's is copied before, and given to the host only when it was.

import { copyBytes } from "../memory/copy";
import {
  CAPTURED,
  CLAIM_SHARED,
  DESCRIPTOR,
  FRAME,
  HAS,
  HAS_DATAGRAM,
  HELD,
  KEY_VALUE,
  LINK_TYPE,
  ORIGINAL,
  PROBE,
  SAMPLE_CAPTURED,
  SAMPLE_COPIED,
  SAMPLE_FRAME,
  SAMPLE_GENERATION,
  SAMPLE_LINK_TYPE,
  SAMPLE_MOST,
  SAMPLE_ORIGINAL,
  SAMPLE_SIZE,
  SAMPLE_TENANT,
  SAMPLE_TIME,
  SAMPLE_VERDICT,
  SAMPLES,
  TENANT,
  TIME,
  VERDICT,
  WORKER_SAMPLES,
  WORKER_SAMPLES_LIMIT,
  WORKER_SAMPLES_TAIL,
} from "../memory/layout";
import { field, worker } from "../memory/worker";
import { generationNumber } from "../tenant/generation";
import { Verdict } from "../verdict";
import { lookUpUsual } from "./look-up";

/** 2^32 over the golden ratio: numbers that follow one another become far apart. */
const SPREAD: u32 = 0x9e3779b1;

/**
 * Copies the first packet from some place of the group on that may be the watched tenant's. Gives its descriptor, 0 when there is none or
 * the host wants none now.
 */
export function chooseSample(first: usize, end: usize, generation: usize, watched: u64): usize {
  if (first == end || <u32>(watched >> 32) != generationNumber(generation)) return 0;
  const tail = field(WORKER_SAMPLES_TAIL);
  // The host may have taken back what it allowed while the last sample was made: then the tail is past the limit.
  if (<i32>(atomic.load<u32>(worker() + WORKER_SAMPLES_LIMIT) - tail) <= 0) return 0;
  lookUpUsual(first, end, generation);
  const tenant = <u32>watched - 1;
  // Of many that may be it, not always the first: packets of a shared source are mostly other tenants'.
  const count = (end - first) / DESCRIPTOR;
  const chance = ((<u32>load<u64>(first, TIME) ^ <u32>first) * SPREAD) >> 16;
  let d = first + (<usize>chance % count) * DESCRIPTOR;
  for (let i: usize = 0; i < count; i++) {
    if (mayBe(d, tenant)) {
      copy(d, tail);
      return d;
    }
    d += DESCRIPTOR;
    if (d == end) d = first;
  }
  return 0;
}

/** A decoded packet whose tunnel is the tenant's, or shared. What was put together from fragments has no frame to show. */
function mayBe(d: usize, tenant: u32): bool {
  if (load<u8>(d, VERDICT) != Verdict.Delivered) return false;
  if ((load<u32>(d, HAS) & HAS_DATAGRAM) != 0) return false;
  const claim = <usize>load<u32>(d, PROBE);
  if (claim == 0) return false;
  const value = load<u32>(claim, KEY_VALUE);
  return value == tenant || (value & CLAIM_SHARED) != 0;
}

function place(tail: u32): usize {
  return <usize>field(WORKER_SAMPLES) + <usize>(tail & (SAMPLES - 1)) * SAMPLE_SIZE;
}

function copy(d: usize, tail: u32): void {
  const sample = place(tail);
  const captured = load<u32>(d, CAPTURED);
  const copied = min<u32>(captured, SAMPLE_MOST);
  copyBytes(sample + SAMPLE_FRAME, <usize>load<u32>(d, FRAME), copied);
  store<u32>(sample, copied, SAMPLE_COPIED);
  store<u32>(sample, captured, SAMPLE_CAPTURED);
  store<u32>(sample, load<u32>(d, ORIGINAL), SAMPLE_ORIGINAL);
  store<u64>(sample, load<u64>(d, TIME), SAMPLE_TIME);
  store<u32>(sample, load<u32>(d, LINK_TYPE), SAMPLE_LINK_TYPE);
}

/** Hands the copy of `d` to the host, now that its fate is known, if the packet was the watched tenant's. */
export function keepSample(d: usize, watched: u64): void {
  const tenant = <u32>watched - 1;
  const verdict = <u32>load<u8>(d, VERDICT);
  if (load<u32>(d, TENANT) != tenant || verdict == HELD) return;
  const tail = field(WORKER_SAMPLES_TAIL);
  const sample = place(tail);
  store<u32>(sample, <u32>(watched >> 32), SAMPLE_GENERATION);
  store<u32>(sample, tenant, SAMPLE_TENANT);
  store<u32>(sample, verdict, SAMPLE_VERDICT);
  atomic.store<u32>(worker() + WORKER_SAMPLES_TAIL, tail + 1);
}
