// Both sides of a live gateway: each opened by the backend that was asked for, or by the first that works; or in memory.

import type { TunnelPort } from "../capture/live.js";
import type { MemoryTunnelPort } from "../capture/memory-tunnel.js";
import {
  type DeliveryBackend,
  notByUdpSockets,
  notToUdpSockets,
  type TunnelBackend,
} from "../config/backends.js";
import { type Finding, formatPath } from "../config/mistakes.js";
import type { ArrivingFrame } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import type { Link } from "../linux/index.js";
import type { DeliveryPort } from "../transmit/live.js";
import type { MemoryDeliveryPort } from "../transmit/memory-delivery.js";
import type { DeliverySide, SideOptions, TunnelSide } from "./backend.js";
import { deliveryBy, tunnelBy } from "./backend-ports.js";
import type { Sides } from "./live-sides.js";
import {
  type MemoryDeliverySide,
  type MemoryTunnelSide,
  openMemoryDelivery,
  openMemoryTunnel,
} from "./memory-ports.js";
import type { DeliverySeat, TunnelSeat } from "./seats.js";

export interface PortOptions extends SideOptions, Sides {}

/** Ports, and why those that would have been better are not there. */
export interface OpenedPorts {
  readonly tunnel: TunnelPort;
  readonly delivery: DeliveryPort;
  /** By which backend; undefined of a side in memory. */
  readonly receiver: TunnelBackend | undefined;
  readonly sender: DeliveryBackend | undefined;
  /** One a worker. */
  readonly seats: readonly { readonly tunnel: TunnelSeat; readonly delivery: DeliverySeat }[];
  readonly notes: readonly string[];
  /** Those that are memory. */
  readonly memory: {
    readonly tunnel?: MemoryTunnelPort<ArrivingFrame>;
    readonly delivery?: MemoryDeliveryPort;
  };
}

/** Sides that no backend has to open. */
interface InMemory {
  readonly tunnel?: MemoryTunnelSide;
  readonly delivery?: MemoryDeliverySide;
}

/** A side, what opened it, and why nothing better did. */
interface Chosen<Side, Name> {
  readonly side: Side;
  readonly name: Name | undefined;
  readonly notes: readonly string[];
}
type ChosenDelivery = Chosen<DeliverySide, DeliveryBackend>;

/** @throws SpangateError BACKEND_UNAVAILABLE when none works, else what the backend that was asked for has to say */
export async function openPorts(options: PortOptions): Promise<OpenedPorts> {
  const { engine, tunnel, delivery, transmitRing } = options;
  // The tunnel's last: it is the one that has something to close.
  const memory: InMemory = {
    ...("memory" in delivery && { delivery: openMemoryDelivery(engine, delivery.memory, transmitRing) }),
    ...("memory" in tunnel && { tunnel: openMemoryTunnel(engine, tunnel.memory) }),
  };
  if (memory.tunnel === undefined) return await openTunnel(options, memory);
  try {
    const sending = await openDelivery(options, memory, undefined, undefined);
    return joined({ side: memory.tunnel, name: undefined, notes: [] }, sending, memory);
  } catch (error) {
    memory.tunnel.port.close();
    throw error;
  }
}

/** NOT_PERMITTED when that is what keeps all from working. */
async function openTunnel(options: PortOptions, memory: InMemory): Promise<OpenedPorts> {
  const { config, tunnel } = options;
  const { backend } = config.tunnel;
  if (backend !== "auto") return await openBoth(backend, options, memory, []);
  const errors: SpangateError[] = [];
  const notes: string[] = [];
  for (const name of ["afxdp", "afpacket", "udp"] as const) {
    // Sockets are no choice where the others fail for another reason: they take less than was configured.
    if (name === "udp" && errors.every(({ code }) => code !== "NOT_PERMITTED")) break;
    try {
      if (name === "udp") expectNone(notByUdpSockets(config, false));
      return await openBoth(name, options, memory, notes);
    } catch (error) {
      if (!(error instanceof SpangateError)) throw error;
      errors.push(error);
      notes.push(`not ${name}: ${error.message}`);
    }
  }
  throw nothing(`receives from ${(tunnel as Link).name}`, errors, notes);
}

/** The tunnel by `name`, and the delivery side that goes with it. */
async function openBoth(
  name: TunnelBackend,
  options: PortOptions,
  memory: InMemory,
  notes: readonly string[],
): Promise<OpenedPorts> {
  const link = options.tunnel as Link;
  const isShared = isOneInterface(options);
  const sharesSockets = isShared && deliveriesFor(options, name)[0] === "afxdp";
  const opened = await tunnelBy[name]({ ...options, link, isShared: sharesSockets });
  try {
    const sending = await openDelivery(options, memory, name, opened);
    return joined({ side: opened, name, notes }, sending, memory);
  } catch (error) {
    opened.port.close();
    throw error;
  }
}

/** What sends is tried in this order. AF_XDP on both sides shares the frames' memory: then nothing else is as good. */
function deliveriesFor(
  { config }: PortOptions,
  tunnel: TunnelBackend | undefined,
): readonly DeliveryBackend[] {
  const { backend } = config.delivery;
  if (backend !== "auto") return [backend];
  return tunnel === "afxdp" ? ["afxdp"] : ["afxdp", "afpacket", "udp"];
}

async function openDelivery(
  options: PortOptions,
  memory: InMemory,
  receiver: TunnelBackend | undefined,
  tunnel: TunnelSide | undefined,
): Promise<ChosenDelivery> {
  if (memory.delivery !== undefined) return { side: memory.delivery, name: undefined, notes: [] };
  const { config } = options;
  const link = options.delivery as Link;
  const isShared = isOneInterface(options);
  const names = deliveriesFor(options, receiver);
  const errors: SpangateError[] = [];
  const notes: string[] = [];
  for (const name of names) {
    try {
      if (name === "udp") expectNone(notToUdpSockets(config));
      const owner = receiver === name ? tunnel : undefined;
      return { side: await deliveryBy[name]({ ...options, link, isShared }, owner), name, notes };
    } catch (error) {
      if (!(error instanceof SpangateError) || names.length === 1) throw error;
      errors.push(error);
      notes.push(`sends not by ${name}: ${error.message}`);
    }
  }
  throw nothing(`sends by ${link.name}`, errors, notes);
}

/** Whether copies go out by the interface that the tunnel comes in by. */
function isOneInterface({ tunnel, delivery, config }: PortOptions): boolean {
  const name = "memory" in tunnel ? config.tunnel.interface : tunnel.name;
  return "name" in delivery && delivery.name === name;
}

/** @throws SpangateError CONFIG_INVALID with the first of them */
export function expectNone(findings: readonly Finding[]): void {
  const [first] = findings;
  if (first === undefined) return;
  const message = `${formatPath(first.path)} ${first.message}.`;
  throw new SpangateError("CONFIG_INVALID", message, { details: { path: formatPath(first.path) } });
}

/** NOT_PERMITTED when a privilege is what is missing, as far as it could be tried. */
function nothing(what: string, errors: readonly SpangateError[], notes: readonly string[]): SpangateError {
  const isRefused = errors.every(({ code }) => code === "NOT_PERMITTED" || code === "CONFIG_INVALID");
  const why = isRefused ? " without a privilege: start `run` as root" : "";
  const message = `Nothing ${what} here${why}. ${notes.join(" ")}`;
  const code = isRefused ? "NOT_PERMITTED" : "BACKEND_UNAVAILABLE";
  return new SpangateError(code, message, { details: { reasons: notes } });
}

function joined(
  receiving: Chosen<TunnelSide, TunnelBackend>,
  sending: ChosenDelivery,
  memory: InMemory,
): OpenedPorts {
  const { side: tunnel } = receiving;
  const { side: delivery } = sending;
  return {
    tunnel: tunnel.port,
    delivery: delivery.port,
    receiver: receiving.name,
    sender: sending.name,
    seats: tunnel.seats.map((seat, i) => ({ tunnel: seat, delivery: delivery.seats[i]! })),
    notes: [...receiving.notes, ...sending.notes],
    memory: {
      ...(memory.tunnel && { tunnel: memory.tunnel.port }),
      ...(memory.delivery && { delivery: memory.delivery.port }),
    },
  };
}
