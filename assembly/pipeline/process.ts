// A batch, in groups of packets, each step for the whole group before the next: parsed, entered into sessions, classified,
// offered. The usual packet takes each step in a loop without a call; where one is not usual, the loop stops, the packet
// takes the general way, and the loop goes on behind it.

import { Counter } from "../counters";
import { Encapsulation } from "../encapsulation";
import {
  CAPTURED,
  CONFIG_FILTER,
  CONFIG_FILTER_SESSION,
  CONFIG_FILTER_VNI,
  CONFIG_FLAGS,
  CONFIG_GENERATION,
  DESCRIPTOR,
  DESCRIPTORS,
  ENCAPSULATION,
  FILTER_SESSION,
  FILTER_VNI,
  FLAG_MIRROR_TIME,
  FRAME,
  GROUP,
  HAS,
  HAS_ID,
  HELD,
  ID,
  MAP_SNIFFER_COUNT,
  NONE,
  PROBE,
  SLOT,
  TIME,
  VERDICT,
  WORKER_ACKNOWLEDGED,
  WORKER_SESSION_COUNT,
  WORKER_TOUCHED,
  WORKER_WATCHED,
} from "../memory/layout";
import { giveSlot } from "../memory/slots";
import { add, field, setField, worker } from "../memory/worker";
import { generationNumber } from "../tenant/generation";
import { Verdict } from "../verdict";
import { classify } from "./classify";
import { deliverUsual } from "./deliver-usual";
import { dress } from "./inner";
import { lookUpUsual } from "./look-up";
import { offer } from "./offer";
import { parse } from "./parse";
import { quarantine } from "./quarantine";
import { beginBatch, expire, expiry, hasRoom, setBack } from "./reassemble";
import { chooseSample, keepSample } from "./sample";
import { beginTrace } from "./trace";
import { sessionHash, touchSessions, track, trackUsual } from "./track";
import { isUsualWayOpen, parseUsual } from "./usual";

/** Bytes of a frame within which the headers are usually done. */
const HEADERS: u32 = 68;
/** Sessions beyond which their entries are not all in the second cache. */
const MANY_SESSIONS: u32 = 2048;

/**
 * Processes descriptors `first` to `count` (exclusive) and gives the number of the one it stopped before: `count`, or less
 * when the area for reassembled datagrams is used up; then the host takes the results so far and calls again from there.
 */
export function process(first: u32, count: u32): u32 {
  beginBatch();
  beginTrace();
  const generation = <usize>atomic.load<u32>(CONFIG_GENERATION);
  setField(WORKER_ACKNOWLEDGED, generation == 0 ? 0 : generationNumber(generation));
  const watched: u64 = generation == 0 ? 0 : atomic.load<u64>(worker() + WORKER_WATCHED);
  const base = worker() + DESCRIPTORS;
  const end = base + <usize>count * DESCRIPTOR;
  let d = base + <usize>first * DESCRIPTOR;
  while (d < end) {
    const group = min<usize>(end, d + <usize>GROUP * DESCRIPTOR);
    const stop = parseGroup(d, group);
    trackGroup(d, stop);
    if (watched != 0) finishWatched(d, stop, generation, watched);
    else finishGroup(d, stop, generation);
    d = stop;
    if (stop < group) break;
  }
  const processed = <u32>((d - base) / DESCRIPTOR) - first;
  add(Counter.Received, processed);
  return first + processed;
}

function parseGroup(d: usize, end: usize): usize {
  const isOpen = isUsualWayOpen();
  setField(WORKER_TOUCHED, touchFrames(d, end));
  while (d < end) {
    if (isOpen) d = parseUsual(d, end, setBack(), expiry());
    if (d == end) break;
    if (!hasRoom()) break;
    expire(load<u64>(d, TIME));
    const verdict = parse(d);
    store<u8>(d, <u8>verdict, VERDICT);
    if (verdict == Verdict.Delivered) store<u32>(d, sessionHash(d), PROBE);
    d += DESCRIPTOR;
  }
  return d;
}

/** Begins to load the lines that headers are in, of all frames at once, so that the misses overlap. */
function touchFrames(first: usize, end: usize): u32 {
  let seen: u32 = 0;
  for (let d = first; d < end; d += DESCRIPTOR) {
    const frame = <usize>load<u32>(d, FRAME);
    if (load<u32>(d, CAPTURED) > HEADERS) seen ^= load<u32>(frame, 12) ^ load<u32>(frame, 64);
  }
  return seen;
}

function trackGroup(d: usize, end: usize): void {
  if (field(WORKER_SESSION_COUNT) > MANY_SESSIONS) setField(WORKER_TOUCHED, touchSessions(d, end));
  const isOpen = (load<u32>(CONFIG_FLAGS) & FLAG_MIRROR_TIME) == 0;
  while (d < end) {
    if (isOpen) d = trackUsual(d, end);
    if (d == end) break;
    if (load<u8>(d, VERDICT) == Verdict.Delivered) track(d);
    d += DESCRIPTOR;
  }
}

function finishGroup(d: usize, end: usize, generation: usize): void {
  const isOpen = generation != 0 && load<u32>(CONFIG_FILTER) == 0;
  const delivers = generation != 0 && load<u32>(generation, MAP_SNIFFER_COUNT) != 0;
  if (generation != 0) lookUpUsual(d, end, generation);
  while (d < end) {
    if (isOpen) d = deliverUsual(d, end, generation);
    if (d == end) break;
    let verdict = <u32>load<u8>(d, VERDICT);
    if (verdict == Verdict.Delivered) {
      if (isFiltered(d)) verdict = Verdict.Filtered;
      else if (generation != 0) verdict = classify(d, generation);
      if (verdict == Verdict.Delivered) {
        dress(d);
        if (delivers) verdict = offer(d, generation);
      }
      if (verdict == Verdict.Unmapped) quarantine(d);
      store<u8>(d, <u8>verdict, VERDICT);
    }
    if (verdict != HELD) add(verdict, 1);
    d += DESCRIPTOR;
  }
}

/** The same while somebody watches a tenant: a frame is copied before it is changed, and kept when the packet was that tenant's. */
function finishWatched(d: usize, end: usize, generation: usize, watched: u64): void {
  const chosen = chooseSample(d, end, generation, watched);
  finishGroup(d, end, generation);
  if (chosen != 0) keepSample(chosen, watched);
}

/** Frees the slots of descriptors up to `count` that no queue took. Their frames are gone. */
export function recycle(count: u32): void {
  let d = worker() + DESCRIPTORS;
  for (let i: u32 = 0; i < count; i++, d += DESCRIPTOR) {
    const slot = load<u32>(d, SLOT);
    if (slot == NONE) continue;
    giveSlot(slot);
    store<u32>(d, NONE, SLOT);
  }
}

/** `strip --session` and `--vni`: either, when both are given. */
function isFiltered(d: usize): bool {
  const filter = load<u32>(CONFIG_FILTER);
  if (filter == 0) return false;
  if ((load<u32>(d, HAS) & HAS_ID) == 0) return true;
  const encapsulation = <u32>load<u8>(d, ENCAPSULATION);
  const id = load<u32>(d, ID);
  if (
    (filter & FILTER_SESSION) != 0 &&
    encapsulation == Encapsulation.Erspan &&
    id == load<u32>(CONFIG_FILTER_SESSION)
  ) {
    return false;
  }
  const hasVni =
    encapsulation == Encapsulation.Vxlan ||
    encapsulation == Encapsulation.VxlanGpe ||
    encapsulation == Encapsulation.Geneve;
  return !((filter & FILTER_VNI) != 0 && hasVni && id == load<u32>(CONFIG_FILTER_VNI));
}
