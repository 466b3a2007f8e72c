// A batch: each packet parsed, entered into its session, classified; one verdict and its counter each.

import { Counter } from "../counters";
import { Encapsulation } from "../encapsulation";
import {
  CONFIG_FILTER,
  CONFIG_FILTER_SESSION,
  CONFIG_FILTER_VNI,
  CONFIG_GENERATION,
  DESCRIPTOR,
  DESCRIPTORS,
  ENCAPSULATION,
  FILTER_SESSION,
  FILTER_VNI,
  HAS,
  HAS_ID,
  HELD,
  ID,
  MAP_SNIFFER_COUNT,
  NONE,
  SLOT,
  TIME,
  VERDICT,
  WORKER_ACKNOWLEDGED,
} from "../memory/layout";
import { giveSlot } from "../memory/slots";
import { add, setField, worker } from "../memory/worker";
import { generationNumber } from "../tenant/generation";
import { Verdict } from "../verdict";
import { classify } from "./classify";
import { dress } from "./inner";
import { offer } from "./offer";
import { parse } from "./parse";
import { beginBatch, expire, hasRoom } from "./reassemble";
import { beginTrace } from "./trace";
import { track } from "./track";

/**
 * Processes descriptors `first` to `count` (exclusive) and gives the number of the one it stopped before: `count`, or less
 * when the area for reassembled datagrams is used up; then the host takes the results so far and calls again from there.
 */
export function process(first: u32, count: u32): u32 {
  beginBatch();
  beginTrace();
  const generation = <usize>atomic.load<u32>(CONFIG_GENERATION);
  setField(WORKER_ACKNOWLEDGED, generation == 0 ? 0 : generationNumber(generation));
  const delivers = generation != 0 && load<u32>(generation, MAP_SNIFFER_COUNT) != 0;
  let d = worker() + DESCRIPTORS + <usize>first * DESCRIPTOR;
  let i = first;
  for (; i < count && hasRoom(); i++, d += DESCRIPTOR) {
    expire(load<u64>(d, TIME));
    let verdict = parse(d);
    if (verdict == Verdict.Delivered) {
      track(d);
      if (isFiltered(d)) verdict = Verdict.Filtered;
      else if (generation != 0) verdict = classify(d, generation);
    }
    if (verdict == Verdict.Delivered) {
      dress(d);
      if (delivers) verdict = offer(d, generation);
    }
    store<u8>(d, <u8>verdict, VERDICT);
    if (verdict != HELD) add(verdict, 1);
  }
  add(Counter.Received, i - first);
  return i;
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
