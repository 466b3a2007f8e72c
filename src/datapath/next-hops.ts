// Where packets for sniffers leave from and to: the kernel says which addresses the delivery interface has, its routes which neighbour is
// the next hop to a sniffer behind a tunnel, its neighbour table that one's MAC address. The kernel is kept interested in them, and what
// changes is told.

import { type Address, formatAddress } from "../config/addresses.js";
import { SpangateError } from "../errors.js";
import { type InterfaceAddress, type Link, type NetworkWatch, Rtnetlink } from "../linux/index.js";
import type { Origin } from "../mapping/index.js";
import { noWay, type Ways } from "./ways.js";

/** How often news are read, in milliseconds. */
const LOOK = 100;
/** How often the kernel is asked to see to it that a neighbour is still there; entries that nobody uses go. */
const REFRESH = 30_000;
/** How long the start waits for neighbours to answer. */
const PATIENCE = 1000;

interface Hop {
  readonly to: Address;
  /** The neighbour: a router, or the sniffer's host itself. */
  via?: Address | undefined;
  mac?: Uint8Array | undefined;
}

export class NextHops implements Ways {
  #link: Link;
  #addresses: readonly InterfaceAddress[] = [];
  #hops: ReadonlyMap<string, Hop> = new Map();
  readonly #netlink: Rtnetlink;
  readonly #watch: NetworkWatch;
  readonly #timers: NodeJS.Timeout[] = [];

  private constructor(netlink: Rtnetlink, watch: NetworkWatch, link: Link) {
    this.#netlink = netlink;
    this.#watch = watch;
    this.#link = link;
  }

  /**
   * Finds the way to each destination, and waits a moment for neighbours to answer.
   *
   * @throws SpangateError CONFIG_INVALID when a destination is not behind `link`
   */
  static async find(link: Link, destinations: readonly Address[]): Promise<NextHops> {
    const { netlink, watch } = Rtnetlink.watched(["links", "addresses", "neighbours", "routes"]);
    const hops = new NextHops(netlink, watch, link);
    try {
      hops.#look();
      const accept = await hops.aim(destinations);
      accept();
    } catch (error) {
      hops.close();
      throw error;
    }
    return hops;
  }

  /** Of destinations that are new it waits a moment for neighbours to answer. */
  async aim(destinations: readonly Address[]): Promise<() => () => void> {
    const hops = new Map<string, Hop>();
    const fresh: Hop[] = [];
    for (const to of destinations) {
      const name = formatAddress(to);
      const hop = this.#hops.get(name) ?? hops.get(name) ?? { to };
      if (!this.#hops.has(name) && !hops.has(name)) fresh.push(hop);
      hops.set(name, hop);
    }
    if (fresh.length > 0) {
      this.#route(fresh);
      this.#expectBehind(fresh);
      for (const since = performance.now(); fresh.some(({ mac }) => mac === undefined); ) {
        if (performance.now() - since > PATIENCE) break;
        await new Promise((resolve) => setTimeout(resolve, 10));
        this.#read(fresh);
      }
    }
    return () => {
      // What was told meanwhile was told of others.
      if (fresh.length > 0) this.#read(fresh);
      const before = this.#hops;
      this.#hops = hops;
      return () => {
        this.#hops = before;
      };
    };
  }

  get origin(): Origin {
    const first = (family: 4 | 6) =>
      this.#addresses.find(({ address, scope }) => address.family === family && scope === "global")?.address;
    const ipv4 = first(4);
    const ipv6 = first(6);
    return {
      mac: this.#link.mac,
      ...(ipv4 && { ipv4: ipv4.bytes }),
      ...(ipv6 && { ipv6: ipv6.bytes }),
      nextHop: (to) => this.#hops.get(formatAddress(to))?.mac,
    };
  }

  get unknown(): string[] {
    return [...this.#hops].filter(([, { mac }]) => mac === undefined).map(([to]) => to);
  }

  /** When the kernel does not answer it is asked again until it does. */
  follow(changed: () => void, failed: (error: unknown) => void): void {
    let stale: "nothing" | "neighbours" | "everything" = "nothing";
    let isOther = false;
    let isFailing = false;
    const look = () => {
      for (const { of } of this.#watch.read())
        if (of !== "neighbour") stale = "everything";
        else if (stale === "nothing") stale = "neighbours";
      if (stale === "nothing") return;
      if (stale === "everything" && this.#look()) isOther = true;
      const hops = [...this.#hops.values()];
      if (stale === "everything" ? this.#route(hops) : this.#read(hops)) isOther = true;
      stale = "nothing";
      isFailing = false;
      if (isOther) changed();
      isOther = false;
    };
    const guarded = (step: () => void) => () => {
      try {
        step();
      } catch (error) {
        isOther = true; // What was read before it failed is known already.
        if (!isFailing) failed(error);
        isFailing = true;
      }
    };
    const refresh = () => {
      for (const hop of this.#hops.values()) this.#ask(hop);
    };
    this.#timers.push(setInterval(guarded(look), LOOK), setInterval(guarded(refresh), REFRESH));
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#watch.close();
    this.#netlink.close();
  }

  /** Reads what the interface has. Whether that is something else; one that is gone keeps what it had. */
  #look(): boolean {
    const link = this.#netlink.links().find(({ index }) => index === this.#link.index);
    if (link === undefined) return false;
    const addresses = this.#netlink.addresses(link.index);
    const before = textOf(this.#link, this.#addresses);
    this.#link = link;
    this.#addresses = addresses;
    return textOf(link, addresses) !== before;
  }

  /** Looks up routes. Whether a MAC address is another one. */
  #route(hops: readonly Hop[]): boolean {
    for (const hop of hops) {
      const route = this.#netlink.route(hop.to);
      const isOurs = route !== undefined && route.index === this.#link.index;
      const via = isOurs ? (route.gateway ?? hop.to) : undefined;
      const isOther =
        via === undefined || hop.via === undefined || formatAddress(via) !== formatAddress(hop.via);
      hop.via = via;
      if (isOther) this.#ask(hop);
    }
    return this.#read(hops);
  }

  #ask({ via }: Hop): void {
    if (via === undefined) return;
    try {
      this.#netlink.resolve(this.#link.index, via);
    } catch (error) {
      // Nobody may ask any more. What the kernel still says of the neighbour counts.
      if (!(error instanceof SpangateError) || !["NOT_PERMITTED", "SEALED"].includes(error.code)) throw error;
    }
  }

  /** Reads the neighbour table. Whether a MAC address is another one. */
  #read(hops: readonly Hop[]): boolean {
    const macs = new Map<string, Uint8Array>();
    for (const { address, mac } of this.#netlink.neighbours(this.#link.index)) {
      if (mac !== undefined) macs.set(formatAddress(address), mac);
    }
    let isOther = false;
    for (const hop of hops) {
      const mac = hop.via === undefined ? undefined : macs.get(formatAddress(hop.via));
      if (equal(mac, hop.mac)) continue;
      isOther = true;
      if (mac === undefined) this.#ask(hop);
      hop.mac = mac;
    }
    return isOther;
  }

  #expectBehind(hops: readonly Hop[]): void {
    const other = hops.find(({ via }) => via === undefined);
    if (other !== undefined)
      throw noWay(this.#link, other.to, "Add a route, or give the sniffer the mac of its next hop.");
  }
}

function textOf({ mac }: Link, addresses: readonly InterfaceAddress[]): string {
  const all = addresses.map(({ address, scope }) => `${formatAddress(address)} ${scope}`);
  return [Buffer.from(mac).toString("hex"), ...all].join();
}

function equal(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0;
}
