// Both sides of a live gateway by AF_PACKET.

import { PacketTunnelPort } from "../capture/afpacket.js";
import { enterMessages, enterPacketRing } from "../engine/index.js";
import { PacketDeliveryPort } from "../transmit/afpacket.js";
import type { DeliverySide, InterfaceOptions, TunnelSide } from "./backend.js";
import { ringMemory } from "./ring-memory.js";

export function openPacketTunnel({ engine, config, link }: InterfaceOptions): TunnelSide {
  const port = PacketTunnelPort.open({
    link,
    addresses: config.addresses,
    ports: Object.values(config.ports).flat(),
    memory: ringMemory(engine),
    workers: engine.workers.length,
  });
  const seats = port.ends.map(
    ({ fd, ring }) => ({ kind: "afpacket", fd, ring: enterPacketRing(engine.memory, ring) }) as const,
  );
  return { port, seats };
}

export function openPacketDelivery({ engine, link, isShared }: InterfaceOptions): DeliverySide {
  const port = PacketDeliveryPort.open({
    link,
    guarded: !isShared,
    workers: engine.workers.length,
  });
  const { base } = ringMemory(engine);
  const seats = port.ends.map(
    ({ fd }) => ({ kind: "afpacket", fd, messages: enterMessages(engine.memory, base), base }) as const,
  );
  return { port, seats };
}
