// What the tenant map says of each packet of a group: the route that its session keeps, or a look-up, one step of the chain for all
// packets before the next: slot, tenant, sniffer, queue. Each step only begins loads that the next one needs, so the misses
// of a group overlap and nobody waits for one alone.

import { Delivery } from "../delivery";
import {
  CLAIM_SHARED,
  DESCRIPTOR,
  HAS,
  HAS_NVGRE,
  KEY_CLAIM,
  KEY_VALUE,
  MAP_IDENTITY_SHAPE_COUNT,
  MAP_IDENTITY_SHAPES,
  MAP_SNIFFER_COUNT,
  MAP_TENANTS,
  NONE,
  OUTER_VLAN,
  PROBE,
  QUEUE_TAIL,
  ROUTE,
  ROUTE_CLAIM,
  ROUTE_CLAIM_NUMBER,
  ROUTE_KEY,
  ROUTE_MODE,
  ROUTE_NOBODY,
  ROUTE_NVGRE,
  ROUTE_QUEUE,
  ROUTE_SIZE,
  ROUTE_SNAPLEN,
  ROUTE_SNIFFER,
  ROUTE_TENANT,
  ROUTE_UNUSUAL,
  ROUTES,
  SESSION,
  SESSION_ENTRY,
  SESSION_ROUTE,
  SNIFFER_BUCKET,
  SNIFFER_FLAGS,
  SNIFFER_MODE,
  SNIFFER_QUEUE,
  TENANT_BUCKET,
  TENANT_FLAGS,
  TENANT_HAS_ADDRESSES,
  TENANT_SIZE,
  TENANT_SNAPLEN,
  TENANT_SNIFFER,
  TENANT_SNIFFER_COUNT,
  TOUCHED,
  VERDICT,
  WORKER_TOUCHED,
} from "../memory/layout";
import { queueAt } from "../memory/queue";
import { sessions, setField, worker } from "../memory/worker";
import { generationNumber } from "../tenant/generation";
import { claimOf, departures, likelySlot } from "../tenant/identity";
import { Verdict } from "../verdict";

/** Notes in PROBE the slot that claims each packet's tunnel, 0 for none, and in ROUTE its route. */
export function lookUpUsual(first: usize, end: usize, generation: usize): void {
  const table = sessions() + SESSION_ROUTE;
  const number = (<u64>generationNumber(generation)) << 32;
  let isMissing = false;
  for (let d = first; d < end; d += DESCRIPTOR) {
    store<u32>(d, 0, ROUTE);
    if (load<u8>(d, VERDICT) != Verdict.Delivered) continue;
    const session = load<u32>(d, SESSION);
    if (session != NONE) {
      const route = table + <usize>session * SESSION_ENTRY;
      if (load<u64>(route, ROUTE_KEY) == (number | keyOf(d))) {
        store<u32>(d, <u32>route, ROUTE);
        store<u32>(d, load<u32>(route, ROUTE_CLAIM), PROBE);
        continue;
      }
    }
    isMissing = true;
  }
  if (isMissing) findRoutes(first, end, generation);
  let seen: u32 = 0;
  for (let d = first; d < end; d += DESCRIPTOR) {
    const route = <usize>load<u32>(d, ROUTE);
    if (route != 0) seen ^= load<u32>(queueAt(load<u32>(route, ROUTE_QUEUE)), QUEUE_TAIL);
  }
  setField(WORKER_TOUCHED, seen);
}

/** What the map may ask of a tunnel beside that which tells its session. */
function keyOf(d: usize): u32 {
  return <u32>load<u16>(d, OUTER_VLAN) | ((load<u32>(d, HAS) & HAS_NVGRE) * (ROUTE_NVGRE / HAS_NVGRE));
}

/** For packets that have no route yet. */
function findRoutes(first: usize, end: usize, generation: usize): void {
  let seen: u32 = 0;
  const shape = <usize>load<u32>(generation, MAP_IDENTITY_SHAPES);
  const tenants = <usize>load<u32>(generation, MAP_TENANTS);
  const delivers = load<u32>(generation, MAP_SNIFFER_COUNT) != 0;
  const isEmpty = load<u32>(generation, MAP_IDENTITY_SHAPE_COUNT) == 0;
  for (let d = first; d < end; d += DESCRIPTOR) {
    store<u32>(d, 0, TOUCHED);
    if (isEmpty || load<u32>(d, ROUTE) != 0) continue;
    const slot = likelySlot(d, generation, shape);
    store<u32>(d, <u32>slot, TOUCHED);
    seen ^= load<u32>(slot, KEY_CLAIM);
  }
  for (let d = first; d < end; d += DESCRIPTOR) {
    if (load<u8>(d, VERDICT) != Verdict.Delivered) continue;
    if (load<u32>(d, ROUTE) != 0) continue;
    let claim = <usize>load<u32>(d, TOUCHED);
    store<u32>(d, 0, TOUCHED);
    if (claim != 0) {
      if (departures(d, shape, claim) != 0) claim = claimOf(d, generation);
    }
    store<u32>(d, <u32>claim, PROBE);
    if (claim == 0) continue;
    const value = load<u32>(claim, KEY_VALUE);
    if ((value & CLAIM_SHARED) != 0) continue;
    const tenant = tenants + <usize>value * TENANT_SIZE;
    if (delivers) store<u32>(d, load<u32>(tenant, TENANT_SNIFFER), TOUCHED);
    else seen ^= load<u32>(tenant, TENANT_FLAGS);
  }
  for (let d = first; d < end; d += DESCRIPTOR) {
    const sniffer = <usize>load<u32>(d, TOUCHED);
    if (sniffer != 0) seen ^= load<u32>(sniffer, SNIFFER_QUEUE);
  }
  let spare = worker() + ROUTES;
  for (let d = first; d < end; d += DESCRIPTOR, spare += ROUTE_SIZE) {
    if (load<u8>(d, VERDICT) != Verdict.Delivered) continue;
    if (load<u32>(d, ROUTE) == 0) makeRoute(d, spare, generation);
  }
  setField(WORKER_TOUCHED, seen);
}

/** Makes the route of a packet whose claim is known, in its session, or at `spare` when it has none. */
function makeRoute(d: usize, spare: usize, generation: usize): void {
  const number = <u64>generationNumber(generation);
  const key = (number << 32) | keyOf(d);
  const route = placeFor(d, number, key, spare);
  const claim = <usize>load<u32>(d, PROBE);
  store<u64>(route, key, ROUTE_KEY);
  store<u32>(route, <u32>claim, ROUTE_CLAIM);
  store<u32>(route, 0, ROUTE_QUEUE);
  store<u8>(route, ROUTE_UNUSUAL, ROUTE_MODE);
  store<u32>(d, <u32>route, ROUTE);
  if (claim == 0) return;
  const owner = load<u32>(claim, KEY_VALUE);
  if ((owner & CLAIM_SHARED) != 0) return;
  const tenant = <usize>load<u32>(generation, MAP_TENANTS) + <usize>owner * TENANT_SIZE;
  if ((load<u32>(tenant, TENANT_FLAGS) & TENANT_HAS_ADDRESSES) != 0) return;
  store<u32>(route, owner, ROUTE_TENANT);
  store<u32>(route, load<u32>(claim, KEY_CLAIM) - 1, ROUTE_CLAIM_NUMBER);
  if (load<u32>(generation, MAP_SNIFFER_COUNT) == 0) {
    store<u8>(route, ROUTE_NOBODY, ROUTE_MODE);
    return;
  }
  if (load<u32>(tenant, TENANT_SNIFFER_COUNT) != 1 || load<u32>(tenant, TENANT_BUCKET) != 0) return;
  const sniffer = <usize>load<u32>(tenant, TENANT_SNIFFER);
  store<u32>(route, load<u32>(sniffer, SNIFFER_QUEUE), ROUTE_QUEUE);
  const mode = <u32>load<u8>(sniffer, SNIFFER_MODE);
  if (mode > <u32>Delivery.Mac || load<u32>(sniffer, SNIFFER_BUCKET) != 0) return;
  store<u8>(route, <u8>mode, ROUTE_MODE);
  store<u32>(route, load<u32>(tenant, TENANT_SNAPLEN), ROUTE_SNAPLEN);
  v128.store(route, v128.load(sniffer, SNIFFER_FLAGS), ROUTE_SNIFFER);
}

/**
 * Where a route goes: with the session, unless there is none, or it keeps another one of this generation: packets of the group may
 * point to that.
 */
function placeFor(d: usize, generation: u64, key: u64, spare: usize): usize {
  const session = load<u32>(d, SESSION);
  if (session == NONE) return spare;
  const route = sessions() + <usize>session * SESSION_ENTRY + SESSION_ROUTE;
  const kept = load<u64>(route, ROUTE_KEY);
  return kept >> 32 == generation && kept != key ? spare : route;
}
