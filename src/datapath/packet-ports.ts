// Both sides of a live gateway by AF_PACKET.

import { PacketTunnelPort } from "../capture/afpacket.js";
import { enterMessages, enterPacketRing } from "../engine/index.js";
import { packetDelivery } from "../transmit/afpacket.js";
import { type DeliverySide, type InterfaceOptions, seated, type TunnelSide } from "./backend.js";
import type { PacketTunnelSeat } from "./packet-seat.js";
import { ringMemory } from "./ring-memory.js";

export function openPacketTunnel(
  { engine, config, link, held }: InterfaceOptions,
  isBridge = false,
): TunnelSide<PacketTunnelPort, PacketTunnelSeat> {
  const port = PacketTunnelPort.open({
    link,
    addresses: config.tunnel.addresses,
    ports: Object.values(config.tunnel.ports).flat(),
    memory: ringMemory(engine),
    workers: engine.workers.length,
    held,
    isBridge,
  });
  return seated(port, ({ fd, ring }) => ({
    kind: "afpacket" as const,
    fd,
    ring: enterPacketRing(engine.memory, ring),
  }));
}

export async function openPacketDelivery(options: InterfaceOptions): Promise<DeliverySide> {
  const { engine, link, isShared, held } = options;
  const port = await packetDelivery({
    link,
    guarded: !isShared,
    workers: engine.workers.length,
    held,
  });
  const { base } = ringMemory(engine);
  return seated(port, ({ fd }) => ({
    kind: "afpacket" as const,
    fd,
    messages: enterMessages(engine.memory, base).address,
    base,
  }));
}
