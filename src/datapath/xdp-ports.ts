// Both sides of a live gateway by AF_XDP.

import { SLOT_STRIDE } from "../../assembly/memory/layout.js";
import { XdpTunnelPort } from "../capture/afxdp.js";
import { type Engine, enterXdpSocket } from "../engine/index.js";
import { channels, type FrameMemory, type Link, type XdpSocket } from "../linux/index.js";
import { expectTransmitQueues, XdpDeliveryPort } from "../transmit/afxdp.js";
import { type DeliverySide, type InterfaceOptions, seated, type TunnelSide } from "./backend.js";
import { ringMemory } from "./ring-memory.js";
import type { XdpSeat } from "./xdp-seat.js";

const ETHERNET_AND_TAG = 18;
/**
 * A mirrored frame has 50 bytes in front of it as a rule (Ethernet, IPv4, and GRE with ERSPAN II, or UDP with VXLAN or GENEVE). With
 * these it begins with a cache line: the kernel copies it out the faster for that.
 */
const ALIGNING = 14;

export async function openXdpTunnel({
  engine,
  config,
  link,
  receiveRing,
  transmitRing,
  isShared,
  held,
}: InterfaceOptions): Promise<TunnelSide<XdpTunnelPort>> {
  if (isShared) expectTransmitQueues(link, transmitQueues(link.name), engine.workers.length);
  const port = await XdpTunnelPort.open({
    link,
    mode: config.tunnel.xdp,
    addresses: config.tunnel.addresses,
    ports: Object.values(config.tunnel.ports).flat(),
    memories: memoriesOf(engine),
    ring: receiveRing,
    ...(isShared && { transmit: transmitRing }),
    held,
  });
  return seated(port, (socket) => seatOf(engine, socket, link));
}

/** @param tunnel what `openXdpTunnel` gave: its sockets have registered the workers' frame memory with the kernel; else it is done here */
export async function openXdpDelivery(
  options: InterfaceOptions,
  tunnel: TunnelSide<XdpTunnelPort> | undefined,
): Promise<DeliverySide> {
  const { engine, link, transmitRing, isShared, held } = options;
  const owners = tunnel?.port.ends ?? [];
  const port =
    isShared && tunnel !== undefined
      ? XdpDeliveryPort.ofTunnel(link, owners)
      : await XdpDeliveryPort.open({
          link,
          guarded: !isShared,
          memories: memoriesOf(engine).map((memory, i) => ({ memory, owner: owners[i] })),
          queues: transmitQueues(link.name),
          ring: transmitRing,
          held,
        });
  return seated(port, (socket) => seatOf(engine, socket, link));
}

function memoriesOf(engine: Engine): FrameMemory[] {
  return engine.workers.map(({ slots }) => ({
    ...ringMemory(engine),
    umem: slots.start,
    length: slots.length,
    chunk: SLOT_STRIDE,
    headroom: ALIGNING,
  }));
}

function seatOf(engine: Engine, { fd, rings }: XdpSocket, { mtu }: Link): XdpSeat {
  return { kind: "afxdp", fd, socket: enterXdpSocket(engine.memory, rings, mtu + ETHERNET_AND_TAG) };
}

/** Queues that an interface sends by; one where the driver does not say. */
function transmitQueues(name: string): number {
  const found = channels(name);
  return found === undefined ? 1 : Math.max(1, found.tx + found.combined);
}
