// Where packets for sniffers behind a tunnel leave to: the kernel's routes say which neighbour is the next hop, its neighbour table that
// one's MAC address. The kernel is kept interested in them, and what changes is told.

import { type Address, formatAddress } from "../config/addresses.js";
import { SpangateError } from "../errors.js";
import { type Link, NetworkWatch, Rtnetlink } from "../linux/index.js";

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

export class NextHops {
  readonly #link: Link;
  readonly #hops: Map<string, Hop>;
  readonly #netlink = Rtnetlink.open();
  readonly #watch = NetworkWatch.open(["links", "addresses", "neighbours", "routes"]);
  readonly #timers: NodeJS.Timeout[] = [];

  private constructor(link: Link, destinations: readonly Address[]) {
    this.#link = link;
    this.#hops = new Map(destinations.map((to) => [formatAddress(to), { to }]));
  }

  /**
   * Finds the way to each destination, and waits a moment for neighbours to answer.
   *
   * @throws SpangateError CONFIG_INVALID when a destination is not behind `link`
   */
  static async find(link: Link, destinations: readonly Address[]): Promise<NextHops> {
    const hops = new NextHops(link, destinations);
    try {
      hops.#route();
      hops.#expectBehind();
      for (const since = Date.now(); hops.#some((hop) => hop.mac === undefined); ) {
        if (Date.now() - since > PATIENCE) break;
        await new Promise((resolve) => setTimeout(resolve, 10));
        hops.#read();
      }
    } catch (error) {
      hops.close();
      throw error;
    }
    return hops;
  }

  /** MAC address of the next hop to `to`, as long as it is known. */
  mac(to: Address): Uint8Array | undefined {
    return this.#hops.get(formatAddress(to))?.mac;
  }

  /** Destinations without a next hop now. */
  get unknown(): string[] {
    return [...this.#hops].filter(([, { mac }]) => mac === undefined).map(([to]) => to);
  }

  /** Calls `changed` whenever an address or the way to one is another one, and `failed` when the kernel does not answer. */
  follow(changed: () => void, failed: (error: unknown) => void): void {
    if (this.#hops.size === 0) return;
    const guarded = (step: () => void) => () => {
      try {
        step();
      } catch (error) {
        failed(error);
      }
    };
    const look = () => {
      const events = this.#watch.read();
      if (events.length === 0) return;
      const isOther = events.some(({ of }) => of !== "neighbour") ? this.#route() : this.#read();
      if (isOther) changed();
    };
    const refresh = () => this.#some((hop) => this.#ask(hop));
    this.#timers.push(setInterval(guarded(look), LOOK), setInterval(guarded(refresh), REFRESH));
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#watch.close();
    this.#netlink.close();
  }

  #some(of: (hop: Hop) => unknown): boolean {
    let found = false;
    for (const hop of this.#hops.values()) if (of(hop)) found = true;
    return found;
  }

  /** Looks up every route. Whether a MAC address is another one. */
  #route(): boolean {
    for (const hop of this.#hops.values()) {
      const route = this.#netlink.route(hop.to);
      const isOurs = route !== undefined && route.index === this.#link.index;
      const via = isOurs ? (route.gateway ?? hop.to) : undefined;
      const isOther =
        via === undefined || hop.via === undefined || formatAddress(via) !== formatAddress(hop.via);
      hop.via = via;
      if (isOther) this.#ask(hop);
    }
    return this.#read();
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
  #read(): boolean {
    const macs = new Map<string, Uint8Array>();
    for (const { address, mac } of this.#netlink.neighbours(this.#link.index)) {
      if (mac !== undefined) macs.set(formatAddress(address), mac);
    }
    return this.#some((hop) => {
      const mac = hop.via === undefined ? undefined : macs.get(formatAddress(hop.via));
      const isOther = !equal(mac, hop.mac);
      if (isOther && mac === undefined) this.#ask(hop);
      hop.mac = mac;
      return isOther;
    });
  }

  #expectBehind(): void {
    const other = [...this.#hops].find(([, { via }]) => via === undefined);
    if (other === undefined) return;
    const message = `${this.#link.name} is no way to ${other[0]}: there is no route, or it leaves by another interface. Add a route, or give the sniffer the mac of its next hop.`;
    throw new SpangateError("CONFIG_INVALID", message, {
      details: { to: other[0], interface: this.#link.name },
    });
  }
}

function equal(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0;
}
