// What a live gateway's frames come from and go to: interfaces, or memory in their place.

import type { LiveGatewayConfig } from "../config/schema.js";
import { SpangateError } from "../errors.js";
import { type Link, Rtnetlink } from "../linux/index.js";
import { offlineDelivery } from "./offline-delivery.js";

/** Memory in place of an interface; the words are for people. */
export interface MemorySide {
  readonly memory: string;
}

export interface Sides {
  readonly tunnel: Link | MemorySide;
  readonly delivery: Link | MemorySide;
}

/** What each side that is memory is called. */
export interface MemoryNames {
  readonly tunnel?: string | undefined;
  readonly delivery?: string | undefined;
}

/** @throws SpangateError CONFIG_INVALID, INTERFACE_UNKNOWN */
export function sidesOf({ tunnel, delivery, sniffers }: LiveGatewayConfig, memory: MemoryNames): Sides {
  // A sniffer that no interface reaches takes none.
  const nobody = "no sniffer behind an interface";
  const isBehind = sniffers.some(({ deliver }) => deliver !== "tap" && deliver !== "pcap");
  const isIdle = !isBehind && delivery.interface === undefined && tunnel.interface === undefined;
  const side = (key: string, name: string | undefined, inMemory: string | undefined) => {
    if (inMemory !== undefined) return { memory: inMemory };
    if (name !== undefined) return linkOf(name);
    throw new SpangateError("CONFIG_INVALID", `${key} is missing for a live gateway.`);
  };
  return {
    tunnel: side("tunnel.interface", tunnel.interface, memory.tunnel),
    delivery: side(
      "delivery.interface",
      delivery.interface ?? tunnel.interface,
      memory.delivery ?? (isIdle ? nobody : undefined),
    ),
  };
}

function linkOf(name: string): Link {
  const netlink = Rtnetlink.open();
  try {
    return netlink.link(name);
  } finally {
    netlink.close();
  }
}

/** Frames that may be under way at once without one being refused for want of room, and the slots that this takes. */
export interface Room {
  readonly frames: number;
  readonly slots: number;
  readonly largeSlots: number;
}

export function roomOf(config: LiveGatewayConfig): Room {
  const { framesAtOnce, engine } = offlineDelivery(config);
  const frames = config.sniffers.reduce((least, { queue }) => Math.min(least, queue), framesAtOnce);
  return { frames, slots: engine.slots, largeSlots: engine.largeSlots };
}
