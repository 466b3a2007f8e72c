// Mirror sessions: which there are, what came of each, and by GRE sequence number what was lost on the way here.

import { Counter } from "../counters";
import { hash32 } from "../memory/hash";
import {
  CONFIG_FLAGS,
  DESCRIPTOR,
  DESTINATION,
  ENCAPSULATION,
  FLAG_TUNNEL_SCOPE,
  HAS,
  HAS_ID,
  HAS_IPV6,
  HAS_SEQUENCE,
  ID,
  INNER_CAPTURED,
  NONE,
  PROBE,
  SEQUENCE,
  SESSION,
  SESSION_BYTES,
  SESSION_DESTINATION,
  SESSION_DUPLICATES,
  SESSION_ENTRY,
  SESSION_HAS_ID,
  SESSION_HIGHEST,
  SESSION_ID,
  SESSION_IPV6,
  SESSION_KNOWN,
  SESSION_LOST,
  SESSION_META,
  SESSION_PACKETS,
  SESSION_REORDERED,
  SESSION_RESTARTS,
  SESSION_ROUTE,
  SESSION_SOURCE,
  SESSION_STATE,
  SESSION_TRACK,
  SESSION_TUNNEL,
  SESSION_WINDOW,
  SOURCE,
  STATE_SEQUENCE,
  TOUCHED,
  VERDICT,
  WORKER_SESSION_CAPACITY,
  WORKER_SESSION_COUNT,
  WORKER_SESSION_INDEX,
  WORKER_SESSION_MASK,
  WORKER_SESSION_MASK_MAX,
} from "../memory/layout";
import { add, field, sessions, setField } from "../memory/worker";
import { Verdict } from "../verdict";
import { mirrorTime } from "./mirror-time";

const MAX_GAP: i32 = 1 << 24;
const WINDOW: i32 = 64;
/** Places of the index for each session, while it can grow. */
const PLACES_A_SESSION: u32 = 4;

function metaOf(d: usize): u32 {
  const has = load<u32>(d, HAS);
  // HAS_ID and HAS_IPV6 are moved to where SESSION_HAS_ID and SESSION_IPV6 are: no choice, no branch.
  return (
    <u32>load<u8>(d, ENCAPSULATION) |
    ((has & HAS_ID) * (SESSION_HAS_ID / HAS_ID)) |
    ((has & HAS_IPV6) * (SESSION_IPV6 / HAS_IPV6))
  );
}

/** Hash of the session of `d`, which `track` and `trackUsual` find in PROBE. */
export function sessionHash(d: usize): u32 {
  return hash32(d + SOURCE, metaOf(d), load<u32>(d, ID));
}

/** Enters the decoded packet of `d` into its session, new or known. */
export function track(d: usize): void {
  const number = entryOf(d, metaOf(d), load<u32>(d, ID), load<u32>(d, PROBE));
  if (number == NONE) {
    add(Counter.Untracked, 1);
    return;
  }
  store<u32>(d, number, SESSION);
  account(d, entry(number));
  mirrorTime(d, entry(number));
}

/** Packets from `d` to `end`, up to the first whose session is not known yet. Gives where it stopped. */
export function trackUsual(d: usize, end: usize): usize {
  const table = sessions();
  const mask = field(WORKER_SESSION_MASK);
  const index = <usize>field(WORKER_SESSION_INDEX);
  for (; d < end; d += DESCRIPTOR) {
    if (load<u8>(d, VERDICT) != Verdict.Delivered) continue;
    const key = ((<u64>metaOf(d)) << 32) | load<u32>(d, ID);
    let slot = load<u32>(d, PROBE) & mask;
    let held = load<u32>(index + (slot << 2));
    while (held != 0) {
      const at = table + <usize>(held - 1) * SESSION_ENTRY;
      if (load<u64>(at, SESSION_ID) == key) {
        if (!v128.any_true(differences(at, d))) break;
      }
      slot = (slot + 1) & mask;
      held = load<u32>(index + (slot << 2));
    }
    if (held == 0) break;
    store<u32>(d, held - 1, SESSION);
    account(d, table + <usize>(held - 1) * SESSION_ENTRY);
  }
  return d;
}

/**
 * Touches what `trackUsual` will ask for, packet after packet without waiting, so that the misses overlap. Gives a number that
 * depends on all of them, which keeps the loads.
 */
export function touchSessions(first: usize, end: usize): u32 {
  const table = sessions();
  const mask = field(WORKER_SESSION_MASK);
  const index = <usize>field(WORKER_SESSION_INDEX);
  let seen: u32 = 0;
  for (let d = first; d < end; d += DESCRIPTOR) {
    store<u32>(d, load<u32>(index + ((load<u32>(d, PROBE) & mask) << 2)), TOUCHED);
  }
  for (let d = first; d < end; d += DESCRIPTOR) {
    const at = table + <usize>max<u32>(load<u32>(d, TOUCHED), 1) * SESSION_ENTRY - SESSION_ENTRY;
    seen ^= load<u32>(at, SESSION_META) ^ load<u32>(at, SESSION_ROUTE);
  }
  return seen;
}

function account(d: usize, session: usize): void {
  store<u64>(session, load<u64>(session, SESSION_PACKETS) + 1, SESSION_PACKETS);
  store<u64>(session, load<u64>(session, SESSION_BYTES) + load<u32>(d, INNER_CAPTURED), SESSION_BYTES);
  if ((load<u32>(d, HAS) & HAS_SEQUENCE) == 0) return;
  const tracked = entry(load<u32>(session, SESSION_TRACK));
  if (tracked != session) store<u64>(tracked, load<u64>(tracked, SESSION_PACKETS) + 1, SESSION_PACKETS);
  sequence(tracked, load<u32>(d, SEQUENCE));
}

function entry(number: u32): usize {
  return sessions() + <usize>number * SESSION_ENTRY;
}

/** Number of the session with the addresses of `d`, a new one when there is room, else NONE. */
function entryOf(d: usize, meta: u32, id: u32, hash: u32): u32 {
  const mask = field(WORKER_SESSION_MASK);
  const index = <usize>field(WORKER_SESSION_INDEX);
  let slot = hash & mask;
  for (;;) {
    const held = load<u32>(index + (slot << 2));
    if (held == 0) break;
    if (isEntry(entry(held - 1), d, meta, id)) return held - 1;
    slot = (slot + 1) & mask;
  }
  const count = field(WORKER_SESSION_COUNT);
  if (count == field(WORKER_SESSION_CAPACITY)) return NONE;
  setField(WORKER_SESSION_COUNT, count + 1);
  const at = entry(count);
  memory.fill(at, 0, SESSION_ENTRY);
  memory.copy(at + SESSION_SOURCE, d + SOURCE, 32);
  store<u32>(at, id, SESSION_ID);
  store<u32>(at, meta, SESSION_META);
  store<u32>(index + (slot << 2), count + 1);
  if ((count + 1) * PLACES_A_SESSION > mask) growIndex(count + 1);
  store<u32>(at, trackOf(d, meta, count), SESSION_TRACK);
  return count;
}

/** Begins the index anew with twice the places, which a few sessions do without so that it stays in the cache. */
function growIndex(count: u32): void {
  const mask = field(WORKER_SESSION_MASK) * 2 + 1;
  if (mask > field(WORKER_SESSION_MASK_MAX)) return;
  const index = <usize>field(WORKER_SESSION_INDEX);
  memory.fill(index, 0, (<usize>mask + 1) << 2);
  for (let i: u32 = 0; i < count; i++) {
    const at = entry(i);
    let slot = hash32(at + SESSION_SOURCE, load<u32>(at, SESSION_META), load<u32>(at, SESSION_ID)) & mask;
    while (load<u32>(index + (slot << 2)) != 0) slot = (slot + 1) & mask;
    store<u32>(index + (slot << 2), i + 1);
  }
  setField(WORKER_SESSION_MASK, mask);
}

/** The entry that holds a new session's sequence: its own, or with tunnel scope one for all sessions of the tunnel. */
function trackOf(d: usize, meta: u32, own: u32): u32 {
  if ((load<u32>(CONFIG_FLAGS) & FLAG_TUNNEL_SCOPE) == 0 || (meta & SESSION_TUNNEL) != 0) return own;
  const tunnel = (meta & ~SESSION_HAS_ID) | SESSION_TUNNEL;
  const shared = entryOf(d, tunnel, 0, hash32(d + SOURCE, tunnel, 0));
  return shared == NONE ? own : shared;
}

/** All 0 when the session's addresses are those of `d`. */
function differences(at: usize, d: usize): v128 {
  return v128.or(
    v128.xor(v128.load(at, SESSION_SOURCE), v128.load(d, SOURCE)),
    v128.xor(v128.load(at, SESSION_DESTINATION), v128.load(d, DESTINATION)),
  );
}

function isEntry(at: usize, d: usize, meta: u32, id: u32): bool {
  return (
    load<u32>(at, SESSION_ID) == id &&
    load<u32>(at, SESSION_META) == meta &&
    !v128.any_true(differences(at, d))
  );
}

/** Gap, reorder, duplicate, restart: counted apart, and nothing is dropped because of order. */
function sequence(at: usize, number: u32): void {
  const state = load<u8>(at, SESSION_STATE);
  const distance = <i32>(number - load<u32>(at, SESSION_HIGHEST));
  if ((state & STATE_SEQUENCE) == 0) {
    store<u8>(at, state | STATE_SEQUENCE, SESSION_STATE);
    restart(at, number);
  } else if (distance > 0 && distance <= MAX_GAP) {
    if (distance != 1) store<i64>(at, load<i64>(at, SESSION_LOST) + (distance - 1), SESSION_LOST);
    store<u32>(at, number, SESSION_HIGHEST);
    const window = load<u64>(at, SESSION_WINDOW);
    store<u64>(at, distance >= WINDOW ? 1 : (window << distance) | 1, SESSION_WINDOW);
    store<u8>(at, <u8>min<i32>(<i32>load<u8>(at, SESSION_KNOWN) + distance, WINDOW), SESSION_KNOWN);
  } else if (distance <= 0 && distance > -WINDOW) {
    late(at, -distance);
  } else {
    store<u32>(at, load<u32>(at, SESSION_RESTARTS) + 1, SESSION_RESTARTS);
    restart(at, number);
  }
}

function restart(at: usize, number: u32): void {
  store<u32>(at, number, SESSION_HIGHEST);
  store<u64>(at, 1, SESSION_WINDOW);
  store<u8>(at, 1, SESSION_KNOWN);
}

/** A number not above the highest: seen before, or late. Late ones of this run were counted lost. */
function late(at: usize, behind: i32): void {
  const window = load<u64>(at, SESSION_WINDOW);
  const bit = (<u64>1) << behind;
  if ((window & bit) != 0) {
    store<u64>(at, load<u64>(at, SESSION_DUPLICATES) + 1, SESSION_DUPLICATES);
    return;
  }
  store<u64>(at, window | bit, SESSION_WINDOW);
  store<u64>(at, load<u64>(at, SESSION_REORDERED) + 1, SESSION_REORDERED);
  if (behind < <i32>load<u8>(at, SESSION_KNOWN))
    store<i64>(at, load<i64>(at, SESSION_LOST) - 1, SESSION_LOST);
}
