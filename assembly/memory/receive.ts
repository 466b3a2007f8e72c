// Frames from an AF_XDP socket: the kernel writes them into slots that it was given by the fill ring, and we announce them in the batch
// where they lie. The UMEM begins with slot 0, and a chunk of it is a slot.

import {
  CAPTURED,
  COMMENT_LENGTH,
  DESCRIPTOR,
  DESCRIPTORS,
  FRAME,
  HEADROOM,
  INTERFACE,
  LINK_TYPE,
  NONE,
  ORIGINAL,
  SLOT,
  SLOT_STRIDE,
  TIME,
  WORKER_SLOTS,
} from "./layout";
import * as ring from "./ring";
import { giveSlot, LARGE_CONTENT, mostLarge, slotStart, takeSlot } from "./slots";
import { XDP_CONTINUES, XDP_FILL, XDP_HELD, XDP_OVERRUN, XDP_RX } from "./sockets";
import { field, worker } from "./worker";

const ENTRY: u32 = 4; // shift: a descriptor of 16 bytes, address (u64), length, options (u32)
const ADDRESS: u32 = 3; // shift: an address of 8 bytes
const BASE: u64 = (1 << 48) - 1; // of a chunk; above it the frame's offset in the chunk
const ETHERNET: u32 = 1;
/** So few slots left are none: the next will come at once. */
const FEW: u32 = 256;
/**
 * Slots that the kernel is given after an overrun. More comes then than can be worked off, and what waits only gets older: so many stay
 * in the cache.
 */
const NARROW: u32 = 2048;

/**
 * Announces up to `most` received frames as descriptors from `first` on. A frame of several chunks (jumbo) is put together in a large
 * slot; when there is none free it comes cut to its first chunk. `time` is in nanoseconds since 1970. Gives how many.
 */
export function receive(socket: usize, first: u32, most: u32, time: f64): u32 {
  const rx = socket + XDP_RX;
  const available = ring.available(rx);
  const held = load<u32>(socket, XDP_HELD);
  if (available == 0) {
    store<u32>(socket, 0, XDP_OVERRUN);
    return 0;
  }
  if (available + FEW > held) store<u32>(socket, 1, XDP_OVERRUN);
  const umem = <usize>field(WORKER_SLOTS);
  const begin = ring.position(rx);
  const end = begin + available;
  let position = begin;
  let d = worker() + DESCRIPTORS + <usize>first * DESCRIPTOR;
  let count: u32 = 0;
  let large = mostLarge();
  const arrived = <u64>time;
  while (position != end && count < most) {
    const entry = ring.entryAt(rx, position, ENTRY);
    const continues = (load<u32>(entry, 12) & XDP_CONTINUES) != 0;
    if (continues && large-- == 0) break;
    const address = load<u64>(entry);
    const length = load<u32>(entry, 8);
    const base = <usize>(address & BASE);
    store<u32>(d, <u32>(umem + base + <usize>(address >> 48)), FRAME);
    store<u32>(d, length, CAPTURED);
    store<u32>(d, length, ORIGINAL);
    store<u32>(d, ETHERNET, LINK_TYPE);
    store<u64>(d, arrived, TIME);
    store<u32>(d, <u32>(base / SLOT_STRIDE), SLOT);
    store<u32>(d, 0, INTERFACE);
    store<u32>(d, 0, COMMENT_LENGTH);
    position++;
    if (continues) position = gather(rx, position, end, d, umem);
    d += DESCRIPTOR;
    count++;
  }
  if (count != 0) ring.consumed(rx, position);
  store<u32>(socket, held - (position - begin), XDP_HELD);
  return count;
}

/** The rest of a frame whose first chunk stands in `d`. Gives the position behind it. */
function gather(rx: usize, position: u32, end: u32, d: usize, umem: usize): u32 {
  const head = load<u32>(d, SLOT);
  const large = takeSlot(true);
  const to: usize = large == NONE ? 0 : slotStart(large) + HEADROOM;
  let length = load<u32>(d, CAPTURED);
  if (to != 0) memory.copy(to, load<u32>(d, FRAME), length);
  let total = length;
  let options: u32 = XDP_CONTINUES;
  while ((options & XDP_CONTINUES) != 0 && position != end) {
    const entry = ring.entryAt(rx, position, ENTRY);
    const address = load<u64>(entry);
    const base = <usize>(address & BASE);
    const piece = load<u32>(entry, 8);
    if (to != 0) {
      const copied = min<u32>(piece, LARGE_CONTENT - length);
      memory.copy(to + length, umem + base + <usize>(address >> 48), copied);
      length += copied;
    }
    giveSlot(<u32>(base / SLOT_STRIDE));
    total += piece;
    options = load<u32>(entry, 12);
    position++;
  }
  store<u32>(d, total, ORIGINAL);
  if (to == 0) return position;
  giveSlot(head);
  store<u32>(d, <u32>to, FRAME);
  store<u32>(d, length, CAPTURED);
  store<u32>(d, large, SLOT);
  return position;
}

/**
 * Gives the kernel free slots to receive into: as many as its ring has places, those counted that it has received into. It copies, and
 * never waits to be told of them.
 */
export function refill(socket: usize): void {
  const fill = socket + XDP_FILL;
  const begin = ring.position(fill);
  const held = load<u32>(socket, XDP_HELD);
  const size = ring.size(fill);
  const window = load<u32>(socket, XDP_OVERRUN) != 0 ? min<u32>(size, NARROW) : size;
  const end = begin + (held < window ? min<u32>(ring.room(fill, ALWAYS), window - held) : 0);
  let position = begin;
  while (position != end) {
    const slot = takeSlot(false);
    if (slot == NONE) break;
    store<u64>(ring.entryAt(fill, position, ADDRESS), <u64>slot * SLOT_STRIDE);
    position++;
  }
  if (position == begin) return;
  ring.produced(fill, position);
  store<u32>(socket, held + (position - begin), XDP_HELD);
}

/** More than any ring has: asks anew. */
const ALWAYS: u32 = u32.MAX_VALUE;
