// What the kernel knows of the network: interfaces, their addresses, routes, neighbours (rtnetlink(7)).
// A socket belongs to the network namespace in which it was opened. Asking takes no privilege.

import { SpangateError } from "../errors.js";
import { type Address, addressText } from "./ip.js";
import { isErrno } from "./libc.js";
import { NETLINK_ROUTE, NetlinkSocket } from "./netlink.js";
import * as address from "./rtnetlink/address.js";
import * as link from "./rtnetlink/link.js";
import * as neighbour from "./rtnetlink/neighbour.js";
import * as route from "./rtnetlink/route.js";
import { NetworkWatch, type Watched } from "./rtnetlink/watch.js";

const NLM_F_CREATE = 0x400;

export class Rtnetlink {
  private constructor(readonly socket: NetlinkSocket) {}

  /** @throws SpangateError SYSTEM_CALL */
  static open(): Rtnetlink {
    return new Rtnetlink(NetlinkSocket.open(NETLINK_ROUTE));
  }

  /** With the news of `what`, from before the first question on, so that no change is missed. @throws SpangateError SYSTEM_CALL */
  static watched(what: readonly Watched[]): { netlink: Rtnetlink; watch: NetworkWatch } {
    const watch = NetworkWatch.open(what);
    try {
      return { netlink: Rtnetlink.open(), watch };
    } catch (error) {
      watch.close();
      throw error;
    }
  }

  links(): link.Link[] {
    return this.socket.dump(link.RTM_GETLINK, link.linkQuestion(), "list the interfaces", link.readLink);
  }

  /** @throws SpangateError INTERFACE_UNKNOWN */
  link(name: string): link.Link {
    try {
      const found = this.#one(
        link.RTM_GETLINK,
        link.linkQuestion(name),
        `look up interface ${name}`,
        link.readLink,
      );
      if (found !== undefined) return found;
    } catch (error) {
      // EINVAL and ERANGE: it cannot be a name.
      if (!isErrno(error, "ENODEV", "EINVAL", "ERANGE")) throw error;
    }
    const names = this.links().map((other) => other.name);
    const message = `There is no network interface ${JSON.stringify(name)}; there are ${names.join(", ")}.`;
    throw new SpangateError("INTERFACE_UNKNOWN", message, { details: { interface: name, names } });
  }

  /** The addresses of an interface that packets can be sent from: none that are tentative, duplicate or deprecated. */
  addresses(index: number): address.InterfaceAddress[] {
    const about = `list the addresses of interface ${index}`;
    return this.socket
      .dump(address.RTM_GETADDR, address.addressQuestion(index), about, address.readAddress)
      .filter((found) => found.index === index && found.usable);
  }

  /** The way to an address now; undefined when there is none. Policy rules by source or mark do not show. */
  route(destination: Address): route.Route | undefined {
    const about = `look up the route to ${addressText(destination)}`;
    try {
      const found = this.#one(route.RTM_GETROUTE, route.routeQuestion(destination), about, route.readRoute);
      // Where IPv4 fails, IPv6 answers with a route of such a type.
      const none = found === undefined || ["unreachable", "prohibit", "blackhole"].includes(found.type);
      return none ? undefined : found;
    } catch (error) {
      // No route and `unreachable`, `prohibit`, `blackhole` (fib_props in net/ipv4/fib_semantics.c).
      if (isErrno(error, "ENETUNREACH", "EHOSTUNREACH", "EACCES", "EINVAL")) return undefined;
      throw error;
    }
  }

  neighbours(index: number): neighbour.Neighbour[] {
    const about = `list the neighbours on interface ${index}`;
    return this.socket
      .dump(neighbour.RTM_GETNEIGH, neighbour.neighboursQuestion(index), about, neighbour.readNeighbour)
      .filter((found) => found.index === index);
  }

  neighbour(index: number, of: Address): neighbour.Neighbour | undefined {
    const about = `look up neighbour ${addressText(of)}`;
    const question = neighbour.neighbourQuestion(index, of);
    try {
      return this.#one(neighbour.RTM_GETNEIGH, question, about, neighbour.readNeighbour);
    } catch (error) {
      if (isErrno(error, "ENOENT")) return undefined;
      throw error;
    }
  }

  /**
   * Makes the kernel find out a neighbour's MAC, or whether the one that it knows still holds, as a packet to it would
   * (neigh_event_send); the neighbour sees ARP or ND and nothing else. The answer comes as news (rtnetlink/watch.ts).
   *
   * Packets past the kernel's stack do not count as use: an entry turns stale, where nobody notices another MAC, and goes in the
   * end. So call it again, every 30 s or so; and when it turns `failed`: a neighbour that has got another MAC does so first, for it
   * does not get the probes to the old one (after 8 s with Linux's settings), and is then asked for by broadcast.
   *
   * @throws SpangateError NOT_PERMITTED without CAP_NET_ADMIN, SYSTEM_CALL (ENOBUFS: the table is full, `gc_thresh3`)
   */
  resolve(index: number, of: Address): void {
    // NTF_USE takes `permanent` from an entry, and the MAC with it (measured on Linux 6.18; __neigh_update).
    const state = this.neighbour(index, of)?.state;
    if (state === "permanent" || state === "noarp") return;
    const about = `resolve neighbour ${addressText(of)}`;
    const order = neighbour.useOrder(index, of);
    this.socket.ask(neighbour.RTM_NEWNEIGH, NLM_F_CREATE, order, about, () => {});
  }

  close(): void {
    this.socket.close();
  }

  #one<T>(
    type: number,
    body: Uint8Array,
    about: string,
    read: (body: Uint8Array) => T | undefined,
  ): T | undefined {
    let answer: T | undefined;
    this.socket.ask(type, 0, body, about, (message) => {
      answer = read(message);
    });
    return answer;
  }
}
