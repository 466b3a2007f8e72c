// Where an instance of the engine finds what it shares with AF_PACKET sockets: the ring of the one that receives, and the messages
// that the one that sends is called with.

import * as at from "../../assembly/memory/layout.js";
import * as sockets from "../../assembly/memory/sockets.js";
import type { LinearMemory } from "./memory.js";

/** A ring of TPACKET_V3: its offset in linear memory, the bytes of a block, and how many there are. */
export interface PacketRing {
  readonly address: number;
  readonly blockSize: number;
  readonly blocks: number;
}

/** Enters a ring. Gives the address by which `EngineThread` knows it. */
export function enterPacketRing(memory: LinearMemory, ring: PacketRing): number {
  const { address } = memory.allocate(sockets.PACKET_RECEIVE_SIZE);
  const { u32 } = memory;
  u32[(address + sockets.PACKET_RING) >>> 2] = ring.address;
  u32[(address + sockets.PACKET_BLOCK_SIZE) >>> 2] = ring.blockSize;
  u32[(address + sockets.PACKET_BLOCKS) >>> 2] = ring.blocks;
  return address;
}

/** Messages to send with: the address by which `EngineThread` knows them, and those of the first of them and of its part. */
export interface EnteredMessages {
  readonly address: number;
  readonly messages: number;
  readonly parts: number;
}

/**
 * Makes messages to send with, `sockets.MESSAGES` of them.
 *
 *     mmsghdr   0 name:64 | 8 name's length:32 | 16 parts:64 | 24 how many:64 | 32 control:64 | 40 its length:64 | 48 flags:32 | 56 sent:32
 *     iovec     0 address:64 | 8 length:64
 *
 * @param base where linear memory begins in this process
 */
export function enterMessages(memory: LinearMemory, base: number): EnteredMessages {
  const { address } = memory.allocate(sockets.PACKET_TRANSMIT_SIZE);
  const messages = memory.allocate(sockets.MESSAGES * sockets.MESSAGE_SIZE).address;
  const parts = memory.allocate(sockets.MESSAGES * sockets.PART_SIZE).address;
  const owners = memory.allocate(sockets.MESSAGES * 4).address;
  const { u32, u64 } = memory;
  u64[(address + sockets.PACKET_BASE) >>> 3] = BigInt(base);
  u32[(address + sockets.PACKET_MESSAGES) >>> 2] = messages;
  u32[(address + sockets.PACKET_PARTS) >>> 2] = parts;
  u32[(address + sockets.PACKET_OWNERS) >>> 2] = owners;
  u32[(address + sockets.PACKET_FRAGMENT) >>> 2] = at.NONE;
  for (let i = 0; i < sockets.MESSAGES; i++) {
    const message = (messages + i * sockets.MESSAGE_SIZE) >>> 3;
    u64[message + 2] = BigInt(base + parts + i * sockets.PART_SIZE);
    u64[message + 3] = 1n;
  }
  return { address, messages, parts };
}

/** Offsets in linear memory of the first message and of the first frame's place (`iovec`), each of its kind behind the other. */
export interface MessagePlaces {
  readonly messages: number;
  readonly messageSize: number;
  readonly parts: number;
  readonly partSize: number;
  readonly count: number;
}

/** Where the messages are that `enterMessages` has made at `address`. */
export function messagePlaces({ u32 }: Pick<LinearMemory, "u32">, address: number): MessagePlaces {
  return {
    messages: u32[(address + sockets.PACKET_MESSAGES) >>> 2]!,
    messageSize: sockets.MESSAGE_SIZE,
    parts: u32[(address + sockets.PACKET_PARTS) >>> 2]!,
    partSize: sockets.PART_SIZE,
    count: sockets.MESSAGES,
  };
}
