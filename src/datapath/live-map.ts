// The tenant map of a live gateway: compiled from the configuration and what the kernel says of the delivery side, and compiled again
// when that changes. Two generations are in memory, so a third waits until every worker has seen the second. Where no interface delivers,
// the configuration says all.

import type { LiveGatewayConfig } from "../config/schema.js";
import type { Engine } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import { type Link, Rtnetlink } from "../linux/index.js";
import { compileMap, type Origin } from "../mapping/index.js";
import { originOf } from "./live-origin.js";
import { NextHops } from "./next-hops.js";

/** How long it is before workers are asked again which map they have seen, in milliseconds. */
const AGAIN = 1;

export class LiveMap {
  readonly #config: LiveGatewayConfig;
  readonly #engine: Engine;
  readonly #origin: Origin | undefined;
  readonly #hops: NextHops | undefined;
  #wake: () => void = () => {};
  #number = 0;
  /** Installations in their order. */
  #last: Promise<void> = Promise.resolve();

  private constructor(config: LiveGatewayConfig, engine: Engine, origin?: Origin, hops?: NextHops) {
    this.#config = config;
    this.#engine = engine;
    this.#origin = origin && { ...origin, nextHop: (to) => hops?.mac(to) };
    this.#hops = hops;
    this.#install();
  }

  /** Puts the first map in force. @throws SpangateError CONFIG_INVALID when a sniffer cannot be reached by `link` */
  static async start(config: LiveGatewayConfig, engine: Engine, link: Link): Promise<LiveMap> {
    const netlink = Rtnetlink.open();
    const origin = originOf(config, link, netlink);
    netlink.close();
    expectSources(config, origin, link);
    return new LiveMap(config, engine, origin, await NextHops.find(link, destinationsOf(config)));
  }

  /** Puts the only map in force, in which all is as it is for capture files. */
  static ofConfiguration(config: LiveGatewayConfig, engine: Engine): LiveMap {
    return new LiveMap(config, engine);
  }

  /** Destinations whose next hop is not known: what is for them is a send error. */
  get unreachable(): string[] {
    return this.#hops?.unknown ?? [];
  }

  /**
   * Follows what changes.
   *
   * @param wake wakes workers that sleep, so that they see the new map
   * @param failed what came of a map that could not be put in force
   */
  follow(wake: () => void, failed: (error: unknown) => void): void {
    this.#wake = wake;
    this.#hops?.follow(() => {
      this.#last = this.#last.then(() => this.#replace()).catch(failed);
    }, failed);
  }

  close(): void {
    this.#hops?.close();
  }

  #install(): void {
    const origin = this.#origin;
    const { image } = compileMap(this.#config, { delivery: "configured", ...(origin && { origin }) });
    this.#number = this.#engine.replaceMap(image);
  }

  async #replace(): Promise<void> {
    while (this.#engine.acknowledged < this.#number) {
      this.#wake();
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
    this.#install();
    this.#wake();
  }
}

/** Of sniffers that say nothing of their next hop. */
function destinationsOf({ sniffers }: LiveGatewayConfig) {
  return sniffers.flatMap((sniffer) => ("to" in sniffer && sniffer.mac === undefined ? [sniffer.to] : []));
}

/** Packets in a tunnel come from somewhere. */
function expectSources({ sniffers }: LiveGatewayConfig, { ipv4, ipv6 }: Origin, link: Link): void {
  const lacking = sniffers.find(
    (sniffer) => "to" in sniffer && (sniffer.to.family === 4 ? ipv4 : ipv6) === undefined,
  );
  if (lacking === undefined) return;
  const family = "to" in lacking ? lacking.to.family : 4;
  const message = `Sniffer ${lacking.name} is reached over IPv${family}, and ${link.name} has no such address: give it one, or set delivery.addresses.`;
  throw new SpangateError("CONFIG_INVALID", message, {
    details: { sniffer: lacking.name, interface: link.name },
  });
}
