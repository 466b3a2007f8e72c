// Where a delivery lies: the bytes that came, when nobody else needs them and there is room in front and behind, else a copy
// in a slot of its own. Then its record, its headers, its place in the queue.

import { Delivery } from "../delivery";
import { copyBytes } from "../memory/copy";
import {
  CAPTURED,
  CONFIG_FLAGS,
  END,
  FIT_FRAGMENT,
  FLAG_LENT,
  FRAME,
  FRAME_MIN,
  HAS,
  HAS_DATAGRAM,
  HEADROOM,
  INNER,
  INNER_ORIGINAL,
  NONE,
  QUEUE_HELD,
  QUEUE_HELD_LARGE,
  RECORD_ABOUT,
  RECORD_FRAME,
  RECORD_LENGTH,
  RECORD_NEXT,
  RECORD_ORIGINAL,
  RECORD_QUEUE,
  RECORD_SLOT,
  RECORD_TIME,
  SLOT,
  SNIFFER_FIT,
  SNIFFER_LINK_LENGTH,
  SNIFFER_MODE,
  SNIFFER_MTU,
  SNIFFER_OVERHEAD,
  SNIFFER_QUEUE,
  TIME,
} from "../memory/layout";
import { hold, push } from "../memory/queue";
import { freeRecords, record, takeRecord } from "../memory/records";
import { isLarge, LARGE_CONTENT, SLOT_CONTENT, slotEnd, slotStart, spare, takeSlot } from "../memory/slots";
import { encapsulate, isTunnelMode } from "./encapsulate";
import { rewriteIp, rewriteMac } from "./rewrite";
import { fragmentCount, fragmentsAreLarge, split, splitHeadroom } from "./split";

export const PLACED: u32 = 0;
/** There is no slot that the queue may have, and there may be one when packets of its own are gone. */
export const CROWDED: u32 = 1;
/** There is no slot for it whatever the queue gives up. */
export const HOMELESS: u32 = 2;

/** Queues `bytes` of the decoded frame of `d` for `sniffer`, made ready to send; `mayMove`: the frame itself may go. */
export function place(d: usize, sniffer: usize, queue: usize, bytes: u32, mayMove: bool): u32 {
  const mode = <u32>load<u8>(sniffer, SNIFFER_MODE);
  const link = <u32>load<u16>(sniffer, SNIFFER_LINK_LENGTH);
  const overhead = <u32>load<u16>(sniffer, SNIFFER_OVERHEAD);
  const front = link + overhead;
  const total = overhead + bytes;
  const isSplit =
    isTunnelMode(mode) &&
    load<u8>(sniffer, SNIFFER_FIT) == FIT_FRAGMENT &&
    total > load<u32>(sniffer, SNIFFER_MTU);
  const before = isSplit ? front + splitHeadroom(sniffer) : front;
  const further = isSplit ? fragmentCount(sniffer, total) - 1 : 0;
  if (freeRecords() <= further) return CROWDED;
  if (further != 0 && !maySpare(queue, further, fragmentsAreLarge(sniffer)))
    return refusal(queue, further, fragmentsAreLarge(sniffer));

  // Behind the frame: zeros, as far as the least frame and the shortest Ethernet header ask.
  const least = mode == Delivery.Plain ? 0 : <u32>FRAME_MIN - min<u32>(front, FRAME_MIN);
  const extent = max<u32>(bytes, least);
  let slot: u32 = NONE;
  let data = <usize>load<u32>(d, INNER);
  if (mayMove && fitsInPlace(d, queue, data, before, extent)) {
    if ((load<u32>(d, HAS) & HAS_DATAGRAM) == 0) {
      slot = load<u32>(d, SLOT);
      store<u32>(d, NONE, SLOT);
    }
  } else {
    const large = extent > SLOT_CONTENT;
    if (extent > LARGE_CONTENT) return HOMELESS;
    if (!maySpare(queue, 1, large)) return refusal(queue, 1, large);
    if (further != 0 && !maySpare(queue, further + 1, fragmentsAreLarge(sniffer)))
      return refusal(queue, further + 1, fragmentsAreLarge(sniffer));
    slot = takeSlot(large);
    const copy = slotStart(slot) + HEADROOM;
    copyBytes(copy, data, bytes);
    data = copy;
  }

  const entry = takeRecord();
  const at = record(entry);
  let frame = data - front;
  // Before the zeros: the flow is that of the whole captured frame, and they may lie where snaplen cut it off.
  if (isTunnelMode(mode)) encapsulate(sniffer, d, frame, bytes);
  if (bytes < extent) memory.fill(data + bytes, 0, extent - bytes);
  if (mode == Delivery.Ip) rewriteIp(sniffer, data, data + bytes);
  if (mode == Delivery.Mac || mode == Delivery.Ip) frame = rewriteMac(sniffer, data);
  store<u32>(at, <u32>frame, RECORD_FRAME);
  store<u32>(at, front + extent, RECORD_LENGTH);
  store<u32>(at, load<u32>(d, INNER_ORIGINAL), RECORD_ORIGINAL);
  store<u32>(at, slot, RECORD_SLOT);
  store<u64>(at, load<u64>(d, TIME), RECORD_TIME);
  const number = load<u32>(sniffer, SNIFFER_QUEUE);
  store<u32>(at, number, RECORD_QUEUE);
  store<u32>(at, NONE, RECORD_NEXT);
  v128.store(at, v128.load(d, HAS), RECORD_ABOUT);
  v128.store(at, v128.load(d, HAS + 16), RECORD_ABOUT + 16);
  if (isSplit) split(sniffer, entry);
  hold(queue, entry, 1);
  push(queue, number, entry);
  return PLACED;
}

/** Whether the queue may take `wanted` more slots. */
function maySpare(queue: usize, wanted: u32, large: bool): bool {
  const free = spare(large);
  const held = load<u32>(queue + (large ? QUEUE_HELD_LARGE : QUEUE_HELD));
  return free >= wanted && held + (wanted - 1) < free - (wanted - 1);
}

/** Why it may not: it has some of them itself, or even all that it has would not be enough. */
function refusal(queue: usize, wanted: u32, large: bool): u32 {
  const held = load<u32>(queue + (large ? QUEUE_HELD_LARGE : QUEUE_HELD));
  return held + spare(large) >= 2 * wanted - 1 ? CROWDED : HOMELESS;
}

/** Whether the frame can be sent from where it lies, with `before` bytes in front of `data` and `extent` from there. */
function fitsInPlace(d: usize, queue: usize, data: usize, before: u32, extent: u32): bool {
  let low = <usize>load<u32>(d, FRAME);
  let high = low + load<u32>(d, CAPTURED);
  const slot = load<u32>(d, SLOT);
  const isDatagram = (load<u32>(d, HAS) & HAS_DATAGRAM) != 0;
  if (isDatagram || slot == NONE) {
    if ((load<u32>(CONFIG_FLAGS) & FLAG_LENT) == 0) return false;
    if (isDatagram) {
      low = data - <usize>HEADROOM + 32; // of what reassembly leaves in front, a header and a tag may be used
      high = <usize>load<u32>(d, END) + FRAME_MIN;
    }
  } else {
    const large = isLarge(slot);
    if (load<u32>(queue + (large ? QUEUE_HELD_LARGE : QUEUE_HELD)) >= spare(large)) return false;
    low = slotStart(slot);
    high = slotEnd(slot);
  }
  return data - <usize>before >= low && data + extent <= high;
}
