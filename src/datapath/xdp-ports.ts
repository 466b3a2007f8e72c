// Both sides of a live gateway by AF_XDP.

import { SLOT_STRIDE } from "../../assembly/memory/layout.js";
import { XdpTunnelPort } from "../capture/afxdp.js";
import { type Engine, enterXdpSocket } from "../engine/index.js";
import { channels, type FrameMemory, type Link, type XdpSocket } from "../linux/index.js";
import { XdpDeliveryPort } from "../transmit/afxdp.js";
import type { DeliverySide, InterfaceOptions, TunnelSide } from "./live-ports.js";
import { ringMemory } from "./ring-memory.js";
import type { XdpSeat } from "./xdp-seat.js";

const ETHERNET_AND_TAG = 18;

export async function openXdpTunnel({
  engine,
  config,
  link,
  ring,
  fill,
}: InterfaceOptions): Promise<TunnelSide> {
  const port = await XdpTunnelPort.open({
    link,
    mode: config.xdp,
    addresses: config.addresses,
    ports: Object.values(config.ports).flat(),
    memories: memoriesOf(engine),
    ring,
    fill,
  });
  return { port, seats: port.seats.map((socket) => seatOf(engine, socket, link)) };
}

/** @param tunnel what `openXdpTunnel` gave: its sockets have registered the workers' frame memory with the kernel; else it is done here */
export async function openXdpDelivery(
  { engine, config, link, ring, guarded }: InterfaceOptions,
  tunnel: TunnelSide | undefined,
): Promise<DeliverySide> {
  const owners = tunnel === undefined ? [] : (tunnel.port as XdpTunnelPort).seats;
  const port = await XdpDeliveryPort.open({
    link,
    mode: config.xdp,
    // On the tunnel's own interface the kernel refuses the guard, and with it this backend.
    guarded: guarded || tunnel !== undefined,
    memories: memoriesOf(engine).map((memory, i) => ({ memory, owner: owners[i] })),
    queues: transmitQueues(link.name),
    ring,
  });
  return { port, seats: port.seats.map((socket) => seatOf(engine, socket, link)) };
}

function memoriesOf(engine: Engine): FrameMemory[] {
  return engine.workers.map(({ slots }) => ({
    ...ringMemory(engine),
    umem: slots.start,
    length: slots.length,
    chunk: SLOT_STRIDE,
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
