// Delivery without a clock of its own: queues that are emptied after every batch may not overflow, and slots for copies and
// fragments must be there however many a batch asks for.

import { BATCH, DATAGRAM_MAX } from "../../assembly/memory/layout.js";
import type { GatewayConfig } from "../config/schema.js";
import { type EngineOptions, SlotPool } from "../engine/index.js";

/** Longest headers in front of a frame's fragment: IPv6 and its fragment header, and what rounding to 8 bytes leaves. */
const FRAGMENT_OVERHEAD = 56;
/** Longest link header: Ethernet and a tag. */
const LINK_LENGTH = 18;
/** Slots that one batch may ask for; queues get half of those that are free. */
const ASKED_FOR = 2048;

/** What an engine needs to deliver a capture's packets to all sniffers of `config`. */
export interface OfflineDelivery {
  readonly config: GatewayConfig;
  readonly engine: Pick<EngineOptions, "lent" | "slots" | "largeSlots" | "queues">;
  /** Packets that may be in a batch. */
  readonly framesAtOnce: number;
}

/** @param most packets in a batch at the most */
export function offlineDelivery(config: GatewayConfig, most = BATCH): OfflineDelivery {
  const { sniffers, tenants, delivery } = config;
  const copies = tenants.reduce((most, tenant) => Math.max(most, tenant.sniffers.length), 1);
  const splits = sniffers.some((sniffer) => "fit" in sniffer && sniffer.fit === "fragment");
  const fragments = splits ? Math.ceil(DATAGRAM_MAX / Math.max(8, delivery.mtu - FRAGMENT_OVERHEAD)) : 1;
  const slotsOfPacket = copies * fragments;
  // On a path with jumbo frames a fragment fills a large slot, as does what it is cut from.
  const largeOfPacket = delivery.mtu + LINK_LENGTH > SlotPool.LONGEST ? slotsOfPacket : copies;
  const framesAtOnce = Math.min(most, Math.max(1, Math.floor(ASKED_FOR / slotsOfPacket)));
  return {
    config: { ...config, sniffers: sniffers.map((sniffer) => ({ ...sniffer, queue: BATCH })) },
    engine: {
      lent: true,
      slots: 2 * framesAtOnce * slotsOfPacket + BATCH,
      largeSlots: 2 * framesAtOnce * largeOfPacket,
      queues: Math.max(1, sniffers.length),
    },
    framesAtOnce,
  };
}
