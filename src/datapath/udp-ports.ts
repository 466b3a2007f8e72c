// Sides of a live gateway by UDP sockets: both, or one of them.

import { MESSAGES } from "../../assembly/memory/sockets.js";
import { UdpTunnelPort } from "../capture/udp.js";
import { type Engine, enterMessages, enterPacketRing } from "../engine/index.js";
import { messagesSize, NAME_SIZE } from "../linux/index.js";
import { udpDelivery } from "../transmit/udp.js";
import { type DeliverySide, type InterfaceOptions, seated, type TunnelSide } from "./backend.js";
import { ringMemory } from "./ring-memory.js";
import { FRONT, type UdpTunnelSeat } from "./udp-tunnel-seat.js";

/** Datagrams that a round receives at the most. A place takes the longest; pages of it that no datagram reaches cost nothing. */
const PLACES = 128;
const LONGEST = 65_536;
const LINE = 64;
/** Before a datagram, in whole lines; and an odd number of lines in all, so that no two neighbours meet in one set of the cache. */
const BEFORE = Math.ceil(FRONT / LINE) * LINE;
const STRIDE = (Math.ceil((LONGEST + BEFORE) / LINE / 2) * 2 + 1) * LINE;
/** The block's own header. */
const HEADER = LINE;

export function openUdpTunnel({ engine, config, link }: InterfaceOptions): TunnelSide<UdpTunnelPort> {
  const { addresses, ports } = config.tunnel;
  const port = UdpTunnelPort.open({
    link,
    addresses,
    ports: Object.values(ports).flat(),
    workers: engine.workers.length,
  });
  return seated(port, ({ ready, sockets }) => ({
    kind: "udp" as const,
    fd: ready,
    sockets: sockets.map(({ fd, address, port }) => ({
      fd,
      family: address.family,
      address: address.bytes,
      port,
    })),
    mac: link.mac,
    ...blockOf(engine),
  }));
}

/** A worker's block, its datagrams' places in it, and the messages that it receives with. */
function blockOf(engine: Engine): Pick<UdpTunnelSeat, "base" | "ring" | "block" | "places"> {
  const { memory } = engine;
  const blockSize = HEADER + PLACES * STRIDE;
  const block = memory.allocate(blockSize).address;
  const places = {
    messages: memory.allocate(messagesSize(PLACES)).address,
    first: block + HEADER + BEFORE,
    stride: STRIDE,
    count: PLACES,
    longest: LONGEST,
  };
  const ring = enterPacketRing(memory, { address: block, blockSize, blocks: 1 });
  return { base: ringMemory(engine).base, ring, block, places };
}

export async function openUdpDelivery(options: InterfaceOptions): Promise<DeliverySide> {
  const { engine, config, link, isShared, held } = options;
  const port = await udpDelivery({
    link,
    guarded: !isShared,
    workers: engine.workers.length,
    held,
    sources: config.delivery.addresses,
    mtu: config.delivery.mtu,
  });
  const { memory } = engine;
  const { base } = ringMemory(engine);
  return seated(port, ({ fds }) => {
    const { address, messages, parts } = enterMessages(memory, base);
    const names = memory.allocate(MESSAGES * NAME_SIZE).address;
    return { kind: "udp" as const, fds, messages: address, at: { messages, parts, names }, base };
  });
}
