// The tenant map of a live gateway: compiled from the configuration and what the kernel says of the delivery side, and compiled again
// when that changes. Two generations are in memory, so a third waits until every worker has seen the second. Where no interface delivers,
// the configuration says all.

import type { LiveGatewayConfig } from "../config/schema.js";
import type { Engine } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import type { Link } from "../linux/index.js";
import { compileMap, type Origin, sourceAddresses } from "../mapping/index.js";
import { NextHops } from "./next-hops.js";

/** How long it is before workers are asked again which map they have seen, in milliseconds. */
const AGAIN = 1;

export class LiveMap {
  readonly #config: LiveGatewayConfig;
  readonly #engine: Engine;
  readonly #hops: NextHops | undefined;
  #wake: () => void = () => {};
  #number = 0;
  /** Something changed since the map was compiled that is in force, or is about to be. */
  #isOld = false;
  #isReplacing = false;
  #isClosed = false;

  private constructor(config: LiveGatewayConfig, engine: Engine, hops?: NextHops) {
    this.#config = config;
    this.#engine = engine;
    this.#hops = hops;
    this.#install();
  }

  /** Puts the first map in force. @throws SpangateError CONFIG_INVALID when a sniffer cannot be reached by `link` */
  static async start(config: LiveGatewayConfig, engine: Engine, link: Link): Promise<LiveMap> {
    const hops = await NextHops.find(link, destinationsOf(config));
    try {
      expectSources(config, hops.origin, link);
      return new LiveMap(config, engine, hops);
    } catch (error) {
      hops.close();
      throw error;
    }
  }

  /** Puts the only map in force, in which all is as it is for capture files. */
  static ofConfiguration(config: LiveGatewayConfig, engine: Engine): LiveMap {
    return new LiveMap(config, engine);
  }

  /** Sniffers that cannot be reached now, each why in one line: what is for them is a send error. */
  get unreachable(): string[] {
    const hops = this.#hops;
    if (hops === undefined) return [];
    return [
      ...hops.unknown.map((to) => `${to} does not answer: what is for it is a send-error`),
      ...sourceless(this.#config, hops.origin).map(
        ({ name, to }) =>
          `no IPv${to.family} address to send to ${name} from: what is for it is a send-error`,
      ),
    ];
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
      this.#isOld = true;
      if (!this.#isReplacing) void this.#replace().catch(failed);
    }, failed);
  }

  /** The map that is in force stays. */
  close(): void {
    this.#isClosed = true;
    this.#hops?.close();
  }

  #install(): void {
    const origin = this.#hops?.origin;
    const { image } = compileMap(this.#config, { delivery: "configured", ...(origin && { origin }) });
    this.#number = this.#engine.replaceMap(image);
  }

  /** However much changes meanwhile, it is compiled once more. */
  async #replace(): Promise<void> {
    this.#isReplacing = true;
    try {
      while (this.#isOld && !this.#isClosed) {
        if (this.#engine.acknowledged < this.#number) {
          this.#wake();
          await new Promise((resolve) => setTimeout(resolve, AGAIN));
          continue;
        }
        this.#install();
        this.#isOld = false;
        this.#wake();
      }
    } finally {
      this.#isReplacing = false;
    }
  }
}

/** Of sniffers that say nothing of their next hop. */
function destinationsOf({ sniffers }: LiveGatewayConfig) {
  return sniffers.flatMap((sniffer) => ("to" in sniffer && sniffer.mac === undefined ? [sniffer.to] : []));
}

/** Packets in a tunnel come from somewhere. */
function expectSources(config: LiveGatewayConfig, origin: Origin, link: Link): void {
  const [lacking] = sourceless(config, origin);
  if (lacking === undefined) return;
  const message = `Sniffer ${lacking.name} is reached over IPv${lacking.to.family}, and ${link.name} has no such address: give it one, or set delivery.addresses.`;
  throw new SpangateError("CONFIG_INVALID", message, {
    details: { sniffer: lacking.name, interface: link.name },
  });
}

/** Sniffers behind tunnels for whose packets there is no source address. */
function sourceless(config: LiveGatewayConfig, origin: Origin) {
  const families = new Set(sourceAddresses(config, origin).map(({ family }) => family));
  return config.sniffers.flatMap((sniffer) =>
    "to" in sniffer && !families.has(sniffer.to.family) ? [sniffer] : [],
  );
}
