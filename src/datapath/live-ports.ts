// Both sides of a live gateway: opened by the backend that was asked for, or by the first that works; or in memory.

import type { TunnelPort } from "../capture/live.js";
import type { MemoryTunnelPort } from "../capture/memory-tunnel.js";
import type { ArrivingFrame } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import type { Link } from "../linux/index.js";
import type { DeliveryPort } from "../transmit/live.js";
import type { MemoryDeliveryPort } from "../transmit/memory-delivery.js";
import type { Backend, DeliverySide, SideOptions, TunnelSide } from "./backend.js";
import type { Sides } from "./live-sides.js";
import {
  type MemoryDeliverySide,
  type MemoryTunnelSide,
  openMemoryDelivery,
  openMemoryTunnel,
} from "./memory-ports.js";
import { openPacketDelivery, openPacketTunnel } from "./packet-ports.js";
import type { DeliverySeat, TunnelSeat } from "./seats.js";
import { openXdpDelivery, openXdpTunnel } from "./xdp-ports.js";

export interface PortOptions extends SideOptions, Sides {}

/** Ports, and why those that would have been better are not there. */
export interface OpenedPorts {
  readonly tunnel: TunnelPort;
  readonly delivery: DeliveryPort;
  /** One a worker. */
  readonly seats: readonly { readonly tunnel: TunnelSeat; readonly delivery: DeliverySeat }[];
  readonly notes: readonly string[];
  /** Those that are memory. */
  readonly memory: {
    readonly tunnel?: MemoryTunnelPort<ArrivingFrame>;
    readonly delivery?: MemoryDeliveryPort;
  };
}

/** In the order in which they are tried. */
const BACKENDS: Readonly<Record<"afxdp" | "afpacket", Backend>> = {
  afxdp: { tunnel: openXdpTunnel, delivery: openXdpDelivery },
  afpacket: {
    tunnel: async (options) => openPacketTunnel(options),
    delivery: async (options) => openPacketDelivery(options),
  },
};

/** Sides that no backend has to open. */
interface InMemory {
  readonly tunnel?: MemoryTunnelSide;
  readonly delivery?: MemoryDeliverySide;
}

/** @throws SpangateError BACKEND_UNAVAILABLE when none works, else what the backend that was asked for has to say */
export async function openPorts(options: PortOptions): Promise<OpenedPorts> {
  const { engine, tunnel, delivery, transmitRing } = options;
  // The tunnel's last: it is the one that has something to close.
  const memory: InMemory = {
    ...("memory" in delivery && { delivery: openMemoryDelivery(engine, delivery.memory, transmitRing) }),
    ...("memory" in tunnel && { tunnel: openMemoryTunnel(engine, tunnel.memory) }),
  };
  try {
    if (memory.tunnel !== undefined && memory.delivery !== undefined)
      return joined(memory.tunnel, memory.delivery, memory);
    return await openInterfaces(options, memory);
  } catch (error) {
    memory.tunnel?.port.close();
    throw error;
  }
}

/** NOT_PERMITTED when that is what keeps all from working. */
async function openInterfaces(options: PortOptions, memory: InMemory): Promise<OpenedPorts> {
  const { config, tunnel, delivery } = options;
  if (config.backend !== "auto") return open(chosen(config.backend), options, memory);
  const notes: string[] = [];
  let isRefused = true;
  for (const [name, backend] of Object.entries(BACKENDS)) {
    try {
      return { ...(await open(backend, options, memory)), notes };
    } catch (error) {
      if (!(error instanceof SpangateError)) throw error;
      isRefused &&= error.code === "NOT_PERMITTED";
      notes.push(`not ${name}: ${error.message}`);
    }
  }
  const what = "name" in tunnel ? `receives from ${tunnel.name}` : `sends by ${(delivery as Link).name}`;
  const why = isRefused ? " without a privilege: start `run` as root" : "";
  const message = `Nothing ${what} here${why}. ${notes.join(" ")}`;
  const code = isRefused ? "NOT_PERMITTED" : "BACKEND_UNAVAILABLE";
  throw new SpangateError(code, message, { details: { reasons: notes } });
}

function chosen(name: "afxdp" | "afpacket" | "udp" | "libpcap"): Backend {
  if (name === "afxdp" || name === "afpacket") return BACKENDS[name];
  throw new SpangateError("UNSUPPORTED"); // said before, with all the rest (live-support.ts)
}

/** What is no memory, by `backend`. */
async function open(backend: Backend, options: PortOptions, memory: InMemory): Promise<OpenedPorts> {
  const { tunnel, delivery, config } = options;
  const tunnelName = "memory" in tunnel ? config.interface : tunnel.name;
  const isShared = "name" in delivery && delivery.name === tunnelName;
  const opened =
    "memory" in tunnel ? undefined : await backend.tunnel({ ...options, link: tunnel, isShared });
  try {
    if ("memory" in delivery) return joined(opened!, memory.delivery!, memory);
    const sending = await backend.delivery({ ...options, link: delivery, isShared }, opened);
    return joined(opened ?? memory.tunnel!, sending, memory);
  } catch (error) {
    opened?.port.close();
    throw error;
  }
}

function joined(tunnel: TunnelSide, delivery: DeliverySide, memory: InMemory): OpenedPorts {
  return {
    tunnel: tunnel.port,
    delivery: delivery.port,
    seats: tunnel.seats.map((seat, i) => ({ tunnel: seat, delivery: delivery.seats[i]! })),
    notes: [],
    memory: {
      ...(memory.tunnel && { tunnel: memory.tunnel.port }),
      ...(memory.delivery && { delivery: memory.delivery.port }),
    },
  };
}
