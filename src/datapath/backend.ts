// What a backend is to the live gateway: who opens its two sides, and what an opened side is.

import type { TunnelPort } from "../capture/live.js";
import type { LiveGatewayConfig } from "../config/schema.js";
import type { Engine } from "../engine/index.js";
import type { Link } from "../linux/index.js";
import type { DeliveryPort } from "../transmit/live.js";
import type { DeliverySeat, TunnelSeat } from "./seats.js";

export interface TunnelSide {
  readonly port: TunnelPort;
  /** One a worker. */
  readonly seats: readonly TunnelSeat[];
}
export interface DeliverySide {
  readonly port: DeliveryPort;
  readonly seats: readonly DeliverySeat[];
}

/** What either side is made for, be it an interface or memory. */
export interface SideOptions {
  readonly engine: Engine;
  readonly config: LiveGatewayConfig["tunnel"];
  /** Places of a worker's ring of frames that have come, and of that of frames that go out. */
  readonly receiveRing: number;
  readonly transmitRing: number;
}
export interface InterfaceOptions extends SideOptions {
  readonly link: Link;
  /** It is the interface of both sides: a queue of it takes one socket, and it one program. */
  readonly isShared: boolean;
}

export interface Backend {
  tunnel(options: InterfaceOptions): Promise<TunnelSide>;
  /** @param tunnel this backend's, when the tunnel is an interface */
  delivery(options: InterfaceOptions, tunnel: TunnelSide | undefined): Promise<DeliverySide>;
}
