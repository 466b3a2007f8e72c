// Where an instance of the engine finds the rings of an AF_XDP socket: a table in linear memory, filled in by who has opened the socket.

import * as sockets from "../../assembly/memory/sockets.js";
import type { LinearMemory } from "./memory.js";

/** A ring that the kernel and the engine share: offsets in linear memory of both positions, flags and entries; number of entries. */
export interface SharedRing {
  readonly producer: number;
  readonly consumer: number;
  readonly flags: number;
  readonly entries: number;
  readonly size: number;
}

/** The rings of one socket. One that only receives has no `tx`, one that only sends no `rx`. */
export interface SharedRings {
  readonly rx?: SharedRing;
  readonly tx?: SharedRing;
  readonly fill?: SharedRing;
  readonly completion?: SharedRing;
}

const PLACES = {
  rx: sockets.XDP_RX,
  tx: sockets.XDP_TX,
  fill: sockets.XDP_FILL,
  completion: sockets.XDP_COMPLETION,
} as const;

/**
 * Enters a socket. Gives the address by which `EngineThread` knows it.
 *
 * @param longest most bytes of a frame that its interface sends
 */
export function enterXdpSocket(memory: LinearMemory, rings: SharedRings, longest: number): number {
  return enter(memory, rings, Math.min(longest, sockets.XDP_PIECES * sockets.XDP_PIECE));
}

/** The same of rings whose other side is no kernel: a frame may have as many pieces as it takes. */
export function enterSentRings(
  memory: LinearMemory,
  rings: Required<Pick<SharedRings, "tx" | "completion">>,
): number {
  return enter(memory, rings, ANY_LENGTH);
}

const ANY_LENGTH = 0xffff_ffff;

function enter(memory: LinearMemory, rings: SharedRings, longest: number): number {
  const { address } = memory.allocate(sockets.XDP_SIZE);
  const { u32 } = memory;
  for (const [name, place] of Object.entries(PLACES) as [keyof SharedRings, number][]) {
    const ring = rings[name];
    if (ring === undefined) continue;
    const words = (address + place) >>> 2;
    u32[words + sockets.RING_PRODUCER / 4] = ring.producer;
    u32[words + sockets.RING_CONSUMER / 4] = ring.consumer;
    u32[words + sockets.RING_FLAGS / 4] = ring.flags;
    u32[words + sockets.RING_ENTRIES / 4] = ring.entries;
    u32[words + sockets.RING_MASK / 4] = ring.size - 1;
  }
  u32[(address + sockets.XDP_LONGEST) >>> 2] = longest;
  return address;
}
