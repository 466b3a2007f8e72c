// The news of interfaces, addresses, neighbours and routes, read without waiting: on a timer, or when `poll` says so.

import { NETLINK_ROUTE, NetlinkSocket } from "../netlink.js";
import type { Message } from "../netlink-message.js";
import * as address from "./address.js";
import * as link from "./link.js";
import * as neighbour from "./neighbour.js";
import * as route from "./route.js";

/** Groups that are joined for each. */
const GROUPS = {
  links: link.RTMGRP_LINK,
  addresses: address.RTMGRP_IPV4_IFADDR | address.RTMGRP_IPV6_IFADDR,
  neighbours: neighbour.RTMGRP_NEIGH,
  routes: route.RTMGRP_IPV4_ROUTE | route.RTMGRP_IPV6_ROUTE,
};
export type Watched = keyof typeof GROUPS;

/**
 * What changed. `gone` says that it is no more, else it is new or not what it was. When an interface goes down or loses an address,
 * IPv4 routes go without news of their own (fib_flush): ask for routes again after these events too.
 */
export type NetworkEvent =
  | { readonly of: "link"; readonly gone: boolean; readonly link: link.Link }
  | { readonly of: "address"; readonly gone: boolean; readonly address: address.InterfaceAddress }
  | { readonly of: "neighbour"; readonly gone: boolean; readonly neighbour: neighbour.Neighbour }
  | { readonly of: "route"; readonly gone: boolean; readonly route: route.Route }
  /** News were lost: read everything again. It comes alone. */
  | { readonly of: "overrun" };

export class NetworkWatch {
  readonly #socket: NetlinkSocket;

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** @throws SpangateError SYSTEM_CALL */
  static open(what: readonly Watched[]): NetworkWatch {
    const groups = what.reduce((mask, group) => mask | GROUPS[group], 0);
    return new NetworkWatch(NetlinkSocket.open(NETLINK_ROUTE, groups));
  }

  /** Readable when there are news. */
  get fd(): number {
    return this.#socket.fd;
  }

  /** The news since the last time, in order; does not wait. */
  read(): NetworkEvent[] {
    const { messages, overrun } = this.#socket.news();
    if (overrun) return [{ of: "overrun" }];
    return messages.flatMap((message) => eventOf(message) ?? []);
  }

  close(): void {
    this.#socket.close();
  }
}

function eventOf({ type, body }: Message): NetworkEvent | undefined {
  switch (type) {
    case link.RTM_NEWLINK:
    case link.RTM_DELLINK: {
      const said = link.readLink(body);
      return said && { of: "link", gone: type === link.RTM_DELLINK, link: said };
    }
    case address.RTM_NEWADDR:
    case address.RTM_DELADDR: {
      const said = address.readAddress(body);
      return said && { of: "address", gone: type === address.RTM_DELADDR, address: said };
    }
    case neighbour.RTM_NEWNEIGH:
    case neighbour.RTM_DELNEIGH: {
      const said = neighbour.readNeighbour(body);
      return said && { of: "neighbour", gone: type === neighbour.RTM_DELNEIGH, neighbour: said };
    }
    case route.RTM_NEWROUTE:
    case route.RTM_DELROUTE: {
      const said = route.readRoute(body);
      return said && { of: "route", gone: type === route.RTM_DELROUTE, route: said };
    }
    default:
      return undefined;
  }
}
