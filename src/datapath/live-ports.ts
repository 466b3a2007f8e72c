// Both sides of a live gateway: opened by the backend that was asked for, or by the first that works.

import { SLOT_STRIDE } from "../../assembly/memory/layout.js";
import { PacketTunnelPort } from "../capture/afpacket.js";
import { XdpTunnelPort } from "../capture/afxdp.js";
import type { TunnelPort } from "../capture/live.js";
import type { LiveGatewayConfig } from "../config/schema.js";
import { type Engine, enterMessages, enterPacketRing, enterXdpSocket } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import { addressOf, channels, type FrameMemory, type Link, PAGE, type RingMemory } from "../linux/index.js";
import { PacketDeliveryPort } from "../transmit/afpacket.js";
import { expectTransmitQueues, XdpDeliveryPort } from "../transmit/afxdp.js";
import type { DeliveryPort } from "../transmit/live.js";
import type { DeliverySeat, TunnelSeat } from "./seats.js";

export interface LivePorts {
  readonly tunnel: TunnelPort;
  readonly delivery: DeliveryPort;
  /** One a worker. */
  readonly seats: readonly { readonly tunnel: TunnelSeat; readonly delivery: DeliverySeat }[];
}

export interface PortOptions {
  readonly engine: Engine;
  readonly config: LiveGatewayConfig["tunnel"];
  readonly tunnelLink: Link;
  readonly deliveryLink: Link;
  /** Frames that wait to be received into, and places of the rings. */
  readonly fill: number;
  readonly ring: number;
}

type Backend = (options: PortOptions) => Promise<LivePorts>;

/** In the order in which they are tried. */
const BACKENDS: Readonly<Record<"afxdp" | "afpacket", Backend>> = { afxdp, afpacket };
const ETHERNET_AND_TAG = 18;
/**
 * A mirrored frame has 50 bytes in front of it as a rule (Ethernet, IPv4, and GRE with ERSPAN II, or UDP with VXLAN or GENEVE). With
 * these it begins with a cache line: the kernel copies it out the faster for that.
 */
const ALIGNING = 14;

/** Ports, and why those that would have been better are not there. */
export interface OpenedPorts extends LivePorts {
  readonly notes: readonly string[];
}

/** @throws SpangateError BACKEND_UNAVAILABLE when none works, else what the backend that was asked for has to say */
export async function openPorts(options: PortOptions): Promise<OpenedPorts> {
  const { backend } = options.config;
  if (backend !== "auto") return { ...(await chosen(backend)(options)), notes: [] };
  const notes: string[] = [];
  for (const [name, open] of Object.entries(BACKENDS)) {
    try {
      return { ...(await open(options)), notes };
    } catch (error) {
      if (!(error instanceof SpangateError)) throw error;
      notes.push(`not ${name}: ${error.message}`);
    }
  }
  const message = `Nothing receives from ${options.tunnelLink.name} here. ${notes.join(" ")}`;
  throw new SpangateError("BACKEND_UNAVAILABLE", message, { details: { reasons: notes } });
}

function chosen(name: "afxdp" | "afpacket" | "udp" | "libpcap"): Backend {
  if (name === "afxdp" || name === "afpacket") return BACKENDS[name];
  const message = `The backend ${name} cannot be used with \`run\` yet: set tunnel.backend to auto, afxdp or afpacket.`;
  throw new SpangateError("BACKEND_UNAVAILABLE", message, { details: { backend: name } });
}

/** Where the kernel's rings go. */
function ringMemory({ memory }: Engine): RingMemory {
  return {
    base: addressOf(memory.u8),
    allocatePages: (length) => memory.allocate(length, PAGE).address,
  };
}

async function afxdp(options: PortOptions): Promise<LivePorts> {
  const { engine, config, tunnelLink, deliveryLink, ring, fill } = options;
  const memories = engine.workers.map(
    ({ slots }): FrameMemory => ({
      ...ringMemory(engine),
      umem: slots.start,
      length: slots.length,
      chunk: SLOT_STRIDE,
      headroom: ALIGNING,
    }),
  );
  const isOne = deliveryLink.index === tunnelLink.index;
  const queues = transmitQueues(deliveryLink.name);
  if (isOne) expectTransmitQueues(deliveryLink, queues, memories.length);
  const tunnel = await XdpTunnelPort.open({
    link: tunnelLink,
    mode: config.xdp,
    addresses: config.addresses,
    ports: Object.values(config.ports).flat(),
    memories,
    ring,
    fill,
    ...(isOne ? { transmit: ring } : {}),
  });
  try {
    const delivery = isOne
      ? XdpDeliveryPort.ofTunnel(deliveryLink, tunnel.seats)
      : await XdpDeliveryPort.open({
          link: deliveryLink,
          mode: config.xdp,
          memories: memories.map((memory, i) => ({ memory, owner: tunnel.seats[i]! })),
          queues,
          ring,
        });
    const longest = deliveryLink.mtu + ETHERNET_AND_TAG;
    const seat = ({ fd, rings }: (typeof tunnel.seats)[number]) =>
      ({ kind: "afxdp", fd, socket: enterXdpSocket(engine.memory, rings, longest) }) as const;
    const seats = tunnel.seats.map((socket, i) => ({
      tunnel: seat(socket),
      delivery: seat(delivery.seats[i]!),
    }));
    return { tunnel, delivery, seats };
  } catch (error) {
    tunnel.close();
    throw error;
  }
}

async function afpacket({ engine, config, tunnelLink, deliveryLink }: PortOptions): Promise<LivePorts> {
  const memory = ringMemory(engine);
  const workers = engine.workers.length;
  const tunnel = PacketTunnelPort.open({
    link: tunnelLink,
    addresses: config.addresses,
    ports: Object.values(config.ports).flat(),
    memory,
    workers,
  });
  try {
    const delivery = PacketDeliveryPort.open({
      link: deliveryLink,
      mode: config.xdp,
      guarded: deliveryLink.index !== tunnelLink.index,
      workers,
    });
    const { base } = memory;
    const seats = tunnel.seats.map(({ fd, ring }, i) => ({
      tunnel: { kind: "afpacket", fd, ring: enterPacketRing(engine.memory, ring) } as const,
      delivery: {
        kind: "afpacket",
        fd: delivery.seats[i]!.fd,
        messages: enterMessages(engine.memory, base),
        base,
      } as const,
    }));
    return { tunnel, delivery, seats };
  } catch (error) {
    tunnel.close();
    throw error;
  }
}

/** Queues that an interface sends by; one where the driver does not say. */
function transmitQueues(name: string): number {
  const found = channels(name);
  return found === undefined ? 1 : Math.max(1, found.tx + found.combined);
}
