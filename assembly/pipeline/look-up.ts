// Looks up a group of packets in the tenant map, one step of the chain for all of them before the next: slot, tenant, sniffer,
// queue. Each step only begins loads that the next one needs, so the misses of a group overlap and nobody waits for one alone.

import {
  CLAIM_SHARED,
  DESCRIPTOR,
  KEY_CLAIM,
  KEY_VALUE,
  MAP_IDENTITY_SHAPE_COUNT,
  MAP_IDENTITY_SHAPES,
  MAP_SNIFFER_COUNT,
  MAP_TENANTS,
  PROBE,
  QUEUE_TAIL,
  SNIFFER_QUEUE,
  TENANT_FLAGS,
  TENANT_SIZE,
  TENANT_SNIFFER,
  TOUCHED,
  VERDICT,
  WORKER_TOUCHED,
} from "../memory/layout";
import { queueAt } from "../memory/queue";
import { setField } from "../memory/worker";
import { claimOf, departures, likelySlot } from "../tenant/identity";
import { Verdict } from "../verdict";

/** Notes in PROBE the slot that claims each packet's tunnel, 0 for none. */
export function lookUp(first: usize, end: usize, generation: usize): void {
  let seen: u32 = 0;
  if (load<u32>(generation, MAP_IDENTITY_SHAPE_COUNT) == 0) {
    for (let d = first; d < end; d += DESCRIPTOR) store<u32>(d, 0, PROBE);
    return;
  }
  const shape = <usize>load<u32>(generation, MAP_IDENTITY_SHAPES);
  for (let d = first; d < end; d += DESCRIPTOR) {
    const slot = likelySlot(d, generation, shape);
    store<u32>(d, <u32>slot, PROBE);
    seen ^= load<u32>(slot, KEY_CLAIM);
  }
  const tenants = <usize>load<u32>(generation, MAP_TENANTS);
  const delivers = load<u32>(generation, MAP_SNIFFER_COUNT) != 0;
  for (let d = first; d < end; d += DESCRIPTOR) {
    store<u32>(d, 0, TOUCHED);
    if (load<u8>(d, VERDICT) != Verdict.Delivered) continue;
    let claim = <usize>load<u32>(d, PROBE);
    if (departures(d, shape, claim) != 0) {
      claim = claimOf(d, generation);
      store<u32>(d, <u32>claim, PROBE);
      if (claim == 0) continue;
    }
    const value = load<u32>(claim, KEY_VALUE);
    if ((value & CLAIM_SHARED) != 0) continue;
    const tenant = tenants + <usize>value * TENANT_SIZE;
    if (delivers) store<u32>(d, load<u32>(tenant, TENANT_SNIFFER), TOUCHED);
    else seen ^= load<u32>(tenant, TENANT_FLAGS);
  }
  if (delivers) seen ^= touchSniffers(first, end);
  setField(WORKER_TOUCHED, seen);
}

/** And the sniffers in TOUCHED, and their queues. */
function touchSniffers(first: usize, end: usize): u32 {
  let seen: u32 = 0;
  for (let d = first; d < end; d += DESCRIPTOR) {
    const sniffer = <usize>load<u32>(d, TOUCHED);
    if (sniffer != 0) store<u32>(d, <u32>queueAt(load<u32>(sniffer, SNIFFER_QUEUE)), TOUCHED);
  }
  for (let d = first; d < end; d += DESCRIPTOR) {
    const queue = <usize>load<u32>(d, TOUCHED);
    if (queue != 0) seen ^= load<u32>(queue, QUEUE_TAIL);
  }
  return seen;
}
