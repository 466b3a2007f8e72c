// A tenant's packet to its sniffers: who is chosen, who takes it, and what each refusal is (assembly/README.md, "Decisions
// about delivery"). Every chosen sniffer is offered the packet and accounts for it.

import { Delivery } from "../delivery";
import {
  FIT_DROP,
  FIT_TRUNCATE,
  FLOW,
  INNER_CAPTURED,
  MAP_TENANTS,
  QUEUE_OFFERED,
  QUEUE_RATE,
  QUEUE_TOO_LARGE,
  SNIFFER_BUCKET,
  SNIFFER_BURST,
  SNIFFER_COST,
  SNIFFER_FIT,
  SNIFFER_FLAGS,
  SNIFFER_LINK_LENGTH,
  SNIFFER_MODE,
  SNIFFER_MTU,
  SNIFFER_OVERHEAD,
  SNIFFER_QUEUE,
  SNIFFER_UNREACHABLE,
  TENANT,
  TENANT_BALANCE,
  TENANT_BALANCE_MASK,
  TENANT_BUCKET,
  TENANT_BURST,
  TENANT_COST,
  TENANT_SIZE,
  TENANT_SNAPLEN,
  TENANT_SNIFFER,
  TENANT_SNIFFER_COUNT,
  TENANT_SNIFFERS,
  TIME,
} from "../memory/layout";
import {
  count,
  dropNewest,
  dropOldest,
  dropsOldest,
  fail,
  isFull,
  queueAt,
  queued,
  reclaim,
} from "../memory/queue";
import { Verdict } from "../verdict";
import * as ethernet from "../wire/ethernet";
import { isTunnelMode } from "./encapsulate";
import { flowHash } from "./flow";
import { CROWDED, PLACED, place } from "./place";
import { admits } from "./rate";

const LONGEST: u32 = 65535; // of an IP packet, and of any frame that is sent

/** Bytes of the decoded frame that the sniffer last asked about takes. */
let kept: u32 = 0;

/** Offers the packet of `d`, whose tenant is found and whose frame is dressed. Gives the verdict. */
export function offer(d: usize, generation: usize): u32 {
  const tenant = <usize>load<u32>(generation, MAP_TENANTS) + <usize>load<u32>(d, TENANT) * TENANT_SIZE;
  const length = min<u32>(load<u32>(d, INNER_CAPTURED), load<u32>(tenant, TENANT_SNAPLEN));
  const bucket = <usize>load<u32>(tenant, TENANT_BUCKET);
  if (
    bucket != 0 &&
    !admits(
      bucket,
      load<u64>(tenant, TENANT_COST),
      load<u64>(tenant, TENANT_BURST),
      length,
      load<u64>(d, TIME),
    )
  ) {
    return Verdict.Rate;
  }
  if (load<u32>(tenant, TENANT_SNIFFER_COUNT) == 1)
    return offerOne(d, load<u32>(tenant, TENANT_SNIFFER), length);
  const sniffers = <usize>load<u32>(tenant, TENANT_SNIFFERS);
  const balance = <usize>load<u32>(tenant, TENANT_BALANCE);
  if (balance == 0) return offerAll(d, sniffers, load<u32>(tenant, TENANT_SNIFFER_COUNT), length);
  const hash = flowHash(d);
  store<u32>(d, hash, FLOW);
  const chosen = <usize>load<u16>(balance + ((hash & load<u32>(tenant, TENANT_BALANCE_MASK)) << 1));
  return offerOne(d, load<u32>(sniffers + (chosen << 2)), length);
}

function offerOne(d: usize, sniffer: usize, length: u32): u32 {
  const refusal = admit(d, sniffer, length);
  if (refusal != 0) return refusal;
  return placeOrRefuse(d, sniffer, kept, true);
}

/**
 * To every sniffer, in the list's order, in which numbers that several of them share are counted. Copies are made before the frame
 * itself changes: a sniffer waits for its place until another one takes the packet too, and the last one gets the frame.
 */
function offerAll(d: usize, sniffers: usize, sniffersCount: u32, length: u32): u32 {
  const first = <usize>load<u32>(sniffers);
  let refusal: u32 = 0; // the first one's
  let taken = false;
  let waiting: usize = 0;
  let waitingKept: u32 = 0;
  for (let i: u32 = 0; i < sniffersCount; i++) {
    const sniffer = <usize>load<u32>(sniffers + (i << 2));
    const refused = admit(d, sniffer, length);
    if (refused != 0) {
      if (sniffer == first) refusal = refused;
      continue;
    }
    const own = kept;
    if (waiting != 0) {
      const failed = placeOrRefuse(d, waiting, waitingKept, false);
      if (failed == 0) taken = true;
      else if (waiting == first) refusal = failed;
    }
    waiting = sniffer;
    waitingKept = own;
  }
  if (waiting != 0) {
    const failed = placeOrRefuse(d, waiting, waitingKept, true);
    if (failed == 0) taken = true;
    else if (waiting == first) refusal = failed;
  }
  return taken ? <u32>Verdict.Delivered : refusal;
}

/** Whether the sniffer takes the packet as far as size, rate and length of queue go: 0, or the refusal, which is counted. */
function admit(d: usize, sniffer: usize, length: u32): u32 {
  const queue = queueAt(load<u32>(sniffer, SNIFFER_QUEUE));
  count(queue, QUEUE_OFFERED);
  if ((load<u16>(sniffer, SNIFFER_FLAGS) & SNIFFER_UNREACHABLE) != 0) {
    fail(queue);
    return Verdict.SendError;
  }
  const mode = <u32>load<u8>(sniffer, SNIFFER_MODE);
  const link = <u32>load<u16>(sniffer, SNIFFER_LINK_LENGTH);
  const overhead = <u32>load<u16>(sniffer, SNIFFER_OVERHEAD);
  kept = length;
  if (mode != Delivery.Plain) {
    let isTooLarge = overhead + length + (isTunnelMode(mode) ? 0 : link) > LONGEST;
    if (isTunnelMode(mode)) {
      const room = load<u32>(sniffer, SNIFFER_MTU) - overhead;
      const fit = <u32>load<u8>(sniffer, SNIFFER_FIT);
      if (length > room) {
        if (fit == FIT_DROP) isTooLarge = true;
        if (fit == FIT_TRUNCATE) {
          kept = room;
          isTooLarge = false;
        }
      }
    }
    if (isTooLarge) {
      count(queue, QUEUE_TOO_LARGE);
      return Verdict.TooLarge;
    }
  }
  const bucket = <usize>load<u32>(sniffer, SNIFFER_BUCKET);
  const isOnSegment = mode == Delivery.Mac || mode == Delivery.Ip;
  const charged = link + overhead + (isOnSegment ? max<u32>(kept, <u32>ethernet.HEADER_LEN) : kept);
  if (
    bucket != 0 &&
    !admits(
      bucket,
      load<u64>(sniffer, SNIFFER_COST),
      load<u64>(sniffer, SNIFFER_BURST),
      charged,
      load<u64>(d, TIME),
    )
  ) {
    count(queue, QUEUE_RATE);
    return Verdict.Rate;
  }
  reclaim(queue);
  while (isFull(queue)) {
    if (!dropsOldest(queue)) {
      dropNewest(queue);
      return Verdict.QueueFull;
    }
    dropOldest(queue);
  }
  return 0;
}

/** 0, or the refusal for want of a slot, which is counted. */
function placeOrRefuse(d: usize, sniffer: usize, bytes: u32, mayMove: bool): u32 {
  const queue = queueAt(load<u32>(sniffer, SNIFFER_QUEUE));
  let outcome = place(d, sniffer, queue, bytes, mayMove);
  while (outcome == CROWDED && dropsOldest(queue) && queued(queue) != 0) {
    dropOldest(queue); // or the consumer took it this moment
    reclaim(queue);
    outcome = place(d, sniffer, queue, bytes, mayMove);
  }
  if (outcome == PLACED) return 0;
  dropNewest(queue);
  return Verdict.QueueFull;
}
