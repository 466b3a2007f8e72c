// Ways to sniffers where UDP sockets send: the kernel knows next hops and addresses itself, now and later. It is only asked whether there
// is a route.

import { type Address, formatAddress } from "../config/addresses.js";
import { type Link, Rtnetlink } from "../linux/index.js";
import type { Origin } from "../mapping/index.js";
import { markerMac } from "../transmit/udp.js";
import { noWay, type Ways } from "./ways.js";

export class KernelWays implements Ways {
  /** Source addresses are in headers that the kernel writes anew. */
  readonly origin: Origin = {
    ipv4: new Uint8Array(4),
    ipv6: new Uint8Array(16),
    nextHop: (_, fit) => markerMac(fit === "fragment"),
    splits: true,
  };
  readonly unknown = [];
  readonly #link: Link;
  #known: ReadonlySet<string> = new Set();

  private constructor(link: Link) {
    this.#link = link;
  }

  /** @throws SpangateError CONFIG_INVALID when there is no route to a destination by `link` */
  static async find(link: Link, destinations: readonly Address[]): Promise<KernelWays> {
    const ways = new KernelWays(link);
    const accept = await ways.aim(destinations);
    accept();
    return ways;
  }

  /** A socket that is bound to the interface would ask on the link for a destination that is not behind it. */
  async aim(destinations: readonly Address[]): Promise<() => () => void> {
    const known = new Set(destinations.map(formatAddress));
    const fresh = destinations.filter((to) => !this.#known.has(formatAddress(to)));
    if (fresh.length > 0) {
      const netlink = Rtnetlink.open();
      try {
        for (const to of fresh)
          if (netlink.route(to)?.index !== this.#link.index) throw noWay(this.#link, to, "Add a route.");
      } finally {
        netlink.close();
      }
    }
    return () => {
      const before = this.#known;
      this.#known = known;
      return () => {
        this.#known = before;
      };
    };
  }

  follow(): void {}
  close(): void {}
}
