// What a backend is to the live gateway: who opens its two sides, and what an opened side is.

import type { TunnelPort } from "../capture/live.js";
import type { LiveGatewayConfig } from "../config/schema.js";
import type { Engine } from "../engine/index.js";
import type { Link } from "../linux/index.js";
import type { DeliveryPort } from "../transmit/live.js";
import type { DeliverySeat, TunnelSeat } from "./seats.js";

export interface TunnelSide<Port extends TunnelPort = TunnelPort, Seat extends TunnelSeat = TunnelSeat> {
  readonly port: Port;
  /** One a worker. */
  readonly seats: readonly Seat[];
}
export interface DeliverySide {
  readonly port: DeliveryPort;
  readonly seats: readonly DeliverySeat[];
}

/** What either side is made for, be it an interface or memory. */
export interface SideOptions {
  readonly engine: Engine;
  readonly config: LiveGatewayConfig;
  /** Places of a worker's ring of frames that have come, and of that of frames that go out. */
  readonly receiveRing: number;
  readonly transmitRing: number;
  /** Another gateway has the interfaces: what only one can have is taken later (`take`). */
  readonly held: boolean;
}
export interface InterfaceOptions extends SideOptions {
  readonly link: Link;
  /** It is the interface of both sides: a queue of it takes one socket, and it one program. */
  readonly isShared: boolean;
}

/** Seats of a port that has just been opened, which is closed when one cannot be made. */
export function seated<Port extends { readonly ends: readonly unknown[]; close(): void }, Seat>(
  port: Port,
  seatOf: (end: Port["ends"][number]) => Seat,
): { port: Port; seats: Seat[] } {
  try {
    return { port, seats: port.ends.map(seatOf) };
  } catch (error) {
    port.close();
    throw error;
  }
}
