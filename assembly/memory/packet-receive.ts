// Frames from an AF_PACKET socket: the kernel writes them into the blocks of a ring (TPACKET_V3,
// Documentation/networking/packet_mmap.rst), one behind another, and hands a block over when it is full or a millisecond old. A block
// goes back whole, so a frame is copied out of it into a slot, where queues can hold it. The tag that the kernel took off is put back.

import { copyBytes } from "./copy";
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
  TIME,
} from "./layout";
import { LARGE_CONTENT, mostLarge, SLOT_CONTENT, slotStart, takeSlot } from "./slots";
import {
  ARRIVED_BYTES,
  ARRIVED_CAPTURED,
  ARRIVED_LENGTH,
  ARRIVED_LINK_TYPE,
  ARRIVED_NANOSECONDS,
  ARRIVED_NEXT,
  ARRIVED_SECONDS,
  ARRIVED_STATUS,
  ARRIVED_TAG,
  ARRIVED_TAG_CONTROL,
  ARRIVED_TAG_PROTOCOL,
  ARRIVED_TAG_PROTOCOL_VALID,
  BLOCK_FIRST,
  BLOCK_FRAMES,
  BLOCK_KERNEL,
  BLOCK_STATUS,
  BLOCK_USER,
  PACKET_BLOCK,
  PACKET_BLOCK_SIZE,
  PACKET_BLOCKS,
  PACKET_LEFT,
  PACKET_NEXT,
  PACKET_RING,
} from "./sockets";
import { worker } from "./worker";

const ETHERNET: u32 = 1;
const ADDRESSES: u32 = 12; // of an Ethernet header; a tag comes behind them
const TAG: u32 = 4;
const TPID: u32 = 0x8100;

/** Large slots that the present batch may still take. */
let large: u32 = 0;

/** Announces up to `most` received frames as descriptors from `first` on. Gives how many. */
export function receive(socket: usize, first: u32, most: u32): u32 {
  let d = worker() + DESCRIPTORS + <usize>first * DESCRIPTOR;
  let count: u32 = 0;
  large = mostLarge();
  while (count < most) {
    let left = load<u32>(socket, PACKET_LEFT);
    if (left == 0) {
      left = open(socket);
      if (left == 0) break;
    }
    let frame = <usize>load<u32>(socket, PACKET_NEXT);
    const wanted = min<u32>(left, most - count);
    let taken: u32 = 0;
    for (; taken < wanted; taken++) {
      if (!announce(frame, d)) break;
      frame += load<u32>(frame, ARRIVED_NEXT);
      d += DESCRIPTOR;
    }
    count += taken;
    store<u32>(socket, <u32>frame, PACKET_NEXT);
    store<u32>(socket, left - taken, PACKET_LEFT);
    if (left == taken) giveBack(socket);
    if (taken != wanted) break; // they wait in the ring until a slot is free
  }
  return count;
}

/** Frames of the next block, if the kernel has handed it over. */
function open(socket: usize): u32 {
  let frames: u32 = 0;
  while (frames == 0) {
    const block = present(socket);
    if ((atomic.load<u32>(block, BLOCK_STATUS) & BLOCK_USER) == 0) break;
    frames = load<u32>(block, BLOCK_FRAMES);
    store<u32>(socket, <u32>block + load<u32>(block, BLOCK_FIRST), PACKET_NEXT);
    if (frames == 0) giveBack(socket);
  }
  return frames;
}

function present(socket: usize): usize {
  const number = load<u32>(socket, PACKET_BLOCK);
  return <usize>load<u32>(socket, PACKET_RING) + <usize>(number * load<u32>(socket, PACKET_BLOCK_SIZE));
}

function giveBack(socket: usize): void {
  atomic.store<u32>(present(socket), BLOCK_KERNEL, BLOCK_STATUS);
  const next = load<u32>(socket, PACKET_BLOCK) + 1;
  store<u32>(socket, next == load<u32>(socket, PACKET_BLOCKS) ? 0 : next, PACKET_BLOCK);
}

/** False: there is no slot for it in this batch. One that is longer than the slot is cut; what it was long stays known. */
function announce(frame: usize, d: usize): bool {
  const status = load<u32>(frame, ARRIVED_STATUS);
  const tag = (status & ARRIVED_TAG) != 0 ? TAG : 0;
  const snapped = load<u32>(frame, ARRIVED_CAPTURED);
  let slot: u32 = NONE;
  let room = LARGE_CONTENT;
  if (snapped + tag > SLOT_CONTENT) {
    if (large-- == 0) return false;
    slot = takeSlot(true);
  }
  if (slot == NONE) {
    slot = takeSlot(false);
    if (slot == NONE) return false;
    room = SLOT_CONTENT;
  }
  const to = slotStart(slot) + HEADROOM;
  const bytes = frame + load<u16>(frame, ARRIVED_BYTES);
  const copied = min<u32>(snapped, room - tag);
  if (tag == 0) copyBytes(to, bytes, copied);
  else copyTagged(to, bytes, copied, frame, status);
  store<u32>(d, <u32>to, FRAME);
  store<u32>(d, copied + tag, CAPTURED);
  store<u32>(d, load<u32>(frame, ARRIVED_LENGTH) + tag, ORIGINAL);
  store<u32>(d, load<u32>(frame, ARRIVED_LINK_TYPE) ^ ETHERNET, LINK_TYPE);
  store<u64>(
    d,
    <u64>load<u32>(frame, ARRIVED_SECONDS) * 1_000_000_000 + load<u32>(frame, ARRIVED_NANOSECONDS),
    TIME,
  );
  store<u32>(d, slot, SLOT);
  store<u32>(d, 0, INTERFACE);
  store<u32>(d, 0, COMMENT_LENGTH);
  return true;
}

function copyTagged(to: usize, bytes: usize, length: u32, frame: usize, status: u32): void {
  const head = min<u32>(length, ADDRESSES);
  copyBytes(to, bytes, head);
  const protocol =
    (status & ARRIVED_TAG_PROTOCOL_VALID) != 0 ? <u32>load<u16>(frame, ARRIVED_TAG_PROTOCOL) : TPID;
  store<u16>(to + head, bswap<u16>(<u16>protocol));
  store<u16>(to + head, bswap<u16>(<u16>load<u32>(frame, ARRIVED_TAG_CONTROL)), 2);
  copyBytes(to + head + TAG, bytes + head, length - head);
}
