// Sides of a live gateway that are memory and no interface.

import { MemoryTunnelPort } from "../capture/memory-tunnel.js";
import { ArrivalRing, type ArrivingFrame, type Engine, SentRing } from "../engine/index.js";
import { createEvent } from "../linux/index.js";
import { MemoryDeliveryPort } from "../transmit/memory-delivery.js";
import type { DeliverySide, TunnelSide } from "./backend.js";

/** The longest frame of a capture that is read fits into a block, but for headers; 8 MiB hold some milliseconds. */
const BLOCK_SIZE = 1 << 18;
const BLOCKS = 32;

export type MemoryTunnelSide = TunnelSide<MemoryTunnelPort<ArrivingFrame>>;
export interface MemoryDeliverySide extends DeliverySide {
  readonly port: MemoryDeliveryPort;
}

/** For an engine of one worker. */
export function openMemoryTunnel({ memory }: Engine, description: string): MemoryTunnelSide {
  const ring = new ArrivalRing(memory, { blockSize: BLOCK_SIZE, blocks: BLOCKS });
  const event = createEvent();
  const port = new MemoryTunnelPort({ description, ring, event });
  return { port, seats: [{ kind: "memory", fd: event, ring: ring.address, told: port.told }] };
}

/** @param size entries of a worker's rings, a power of two */
export function openMemoryDelivery(engine: Engine, description: string, size: number): MemoryDeliverySide {
  const rings = engine.workers.map(({ slots }) => new SentRing(engine.memory, slots, size));
  const port = new MemoryDeliveryPort(description, rings);
  return { port, seats: rings.map(({ address }) => ({ kind: "memory", rings: address, bell: port.bell })) };
}
