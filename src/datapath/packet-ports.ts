// Both sides of a live gateway by AF_PACKET.

import { PacketTunnelPort } from "../capture/afpacket.js";
import { enterMessages, enterPacketRing } from "../engine/index.js";
import { PacketDeliveryPort } from "../transmit/afpacket.js";
import { type DeliverySide, type InterfaceOptions, seated, type TunnelSide } from "./backend.js";
import { ringMemory } from "./ring-memory.js";

export function openPacketTunnel({ engine, config, link }: InterfaceOptions): TunnelSide<PacketTunnelPort> {
  const port = PacketTunnelPort.open({
    link,
    addresses: config.addresses,
    ports: Object.values(config.ports).flat(),
    memory: ringMemory(engine),
    workers: engine.workers.length,
  });
  return seated(port, ({ fd, ring }) => ({
    kind: "afpacket" as const,
    fd,
    ring: enterPacketRing(engine.memory, ring),
  }));
}

export function openPacketDelivery({ engine, link, isShared }: InterfaceOptions): DeliverySide {
  const port = PacketDeliveryPort.open({
    link,
    guarded: !isShared,
    workers: engine.workers.length,
  });
  const { base } = ringMemory(engine);
  return seated(port, ({ fd }) => ({
    kind: "afpacket" as const,
    fd,
    messages: enterMessages(engine.memory, base),
    base,
  }));
}
