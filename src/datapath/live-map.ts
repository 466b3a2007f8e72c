// The tenant map of a live gateway: compiled from the configuration and what the kernel says of the delivery side, and compiled again
// when that changes. Two generations are in memory, so a third waits until every worker has seen the second. Where no interface delivers,
// the configuration says all.

import type { Address } from "../config/addresses.js";
import type { LiveGatewayConfig } from "../config/schema.js";
import type { Engine } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import type { Link } from "../linux/index.js";
import { compileMap, type Origin, sourceAddresses } from "../mapping/index.js";
import type { Ways } from "./ways.js";

/** How long it is before workers are asked again which map they have seen, in milliseconds. */
const AGAIN = 1;

/** A generation of the configuration's map, and the first of the engine's that was made of it. */
interface Generation {
  readonly generation: number;
  readonly number: number;
}

/** The map that packets are looked up in, and what it was compiled with. */
export interface MapInForce {
  /** The engine's number of it: it has a new one whenever the kernel says something else, too. */
  readonly number: number;
  readonly config: LiveGatewayConfig;
  /** Of the delivery interface; absent when that is memory. */
  readonly origin: Origin | undefined;
}

export interface MapFollowers {
  /** Wakes workers that sleep, so that they see the new map. */
  readonly wake: () => void;
  /** Another map is in force, by its generation: the same again when only the ways to sniffers are others. */
  readonly changed: (generation: number) => void;
  /** What came of a map that could not be put in force. */
  readonly failed: (error: unknown) => void;
}

export class LiveMap {
  readonly #engine: Engine;
  readonly #ways: Ways | undefined;
  readonly #link: Link | undefined;
  #config: LiveGatewayConfig;
  #followers: Partial<MapFollowers> = {};
  #inForce!: MapInForce;
  /** Made when it is asked for. */
  #tenants: ReadonlyMap<string, readonly string[]> | undefined;
  /** Those that a worker may still be at, the newest last. */
  #generations: Generation[] = [];
  /** The kernel has said something since the map was compiled that is in force, or is about to be. */
  #isOld = false;
  #isRefreshing = false;
  #isClosed = false;
  /** What was last to be done: one thing after the other. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(config: LiveGatewayConfig, engine: Engine, ways?: Ways, link?: Link) {
    this.#config = config;
    this.#engine = engine;
    this.#ways = ways;
    this.#link = link;
    this.#install(config);
    this.#begin();
  }

  /**
   * Puts the first map in force.
   *
   * @param find by which packets leave by `link`
   * @throws SpangateError CONFIG_INVALID when a sniffer cannot be reached by `link`
   */
  static async start(
    config: LiveGatewayConfig,
    engine: Engine,
    link: Link,
    find: (link: Link, destinations: readonly Address[]) => Promise<Ways>,
  ): Promise<LiveMap> {
    const ways = await find(link, destinationsOf(config));
    try {
      expectSources(config, ways.origin, link);
      return new LiveMap(config, engine, ways, link);
    } catch (error) {
      ways.close();
      throw error;
    }
  }

  /** Puts the first map in force, in which all is as it is for capture files. */
  static ofConfiguration(config: LiveGatewayConfig, engine: Engine): LiveMap {
    return new LiveMap(config, engine);
  }

  /** Counts the maps that were put in force by configuration, from 1. */
  get generation(): number {
    return this.#generations.at(-1)!.generation;
  }

  /** The generation that each worker's last batch was processed by. */
  get workers(): number[] {
    return this.#engine.workers.map((worker) => {
      const number = worker.generation;
      return this.#generations.findLast((each) => each.number <= number)?.generation ?? 0;
    });
  }

  /** Sniffers that cannot be reached now, each why in one line: what is for them is a send error. */
  get unreachable(): string[] {
    const ways = this.#ways;
    if (ways === undefined) return [];
    return [
      ...ways.unknown.map((to) => `${to} does not answer: what is for it is a send-error`),
      ...sourceless(this.#config, ways.origin).map(
        ({ name, to }) =>
          `no IPv${to.family} address to send to ${name} from: what is for it is a send-error`,
      ),
    ];
  }

  get inForce(): MapInForce {
    return this.#inForce;
  }
  /** Whose sniffers are whose in it, by the tenant's name. */
  get tenants(): ReadonlyMap<string, readonly string[]> {
    this.#tenants ??= new Map(this.#inForce.config.tenants.map(({ name, sniffers }) => [name, sniffers]));
    return this.#tenants;
  }

  /** Follows what changes. */
  follow(followers: MapFollowers): void {
    this.#followers = followers;
    const { failed } = followers;
    this.#ways?.follow(() => {
      if (this.#isOld && this.#isRefreshing) return; // it will be compiled of what is known then
      this.#isOld = true;
      this.#isRefreshing = true;
      this.#inTurn(() => this.#refresh()).catch((error: unknown) => {
        if (!this.#isClosed) failed(error);
      });
    }, failed);
  }

  /**
   * Puts the map of another configuration in force, of which nothing but sniffers, tenants and shared sources counts here. Resolves with
   * its generation when every worker goes by it.
   *
   * @param prepare what has to be there before the map is compiled; it gives how to undo it
   * @throws SpangateError CONFIG_INVALID when a sniffer cannot be reached, MAP_TOO_LARGE, MEMORY_EXHAUSTED; then the map in force stays
   */
  replace(config: LiveGatewayConfig, prepare: () => () => void): Promise<number> {
    return this.#inTurn(async () => {
      const accept = await this.#ways?.aim(destinationsOf(config));
      if (this.#ways !== undefined) expectSources(config, this.#ways.origin, this.#link!);
      await this.#seen();
      const back = accept?.();
      let undo = () => {};
      try {
        undo = prepare();
        this.#install(config);
      } catch (error) {
        undo();
        back?.();
        throw error;
      }
      this.#config = config;
      const { generation } = this.#begin();
      await this.#seen();
      this.#followers.changed?.(generation);
      return generation;
    });
  }

  /** The map that is in force stays. */
  close(): void {
    this.#isClosed = true;
    this.#ways?.close();
  }

  #install(config: LiveGatewayConfig): void {
    const origin = this.#ways?.origin;
    const { image } = compileMap(config, { delivery: "configured", ...(origin && { origin }) });
    const number = this.#engine.replaceMap(image);
    this.#inForce = { number, config, origin };
    this.#tenants = undefined;
    this.#isOld = false;
  }

  /** What was installed is another generation. */
  #begin(): Generation {
    const seen = this.#engine.acknowledged;
    const oldest = Math.max(
      0,
      this.#generations.findLastIndex(({ number }) => number <= seen),
    );
    const begun = {
      generation: (this.#generations.at(-1)?.generation ?? 0) + 1,
      number: this.#inForce.number,
    };
    this.#generations = [...this.#generations.slice(oldest), begun];
    return begun;
  }

  async #refresh(): Promise<void> {
    try {
      await this.#seen();
      if (!this.#isOld) return;
      this.#install(this.#config);
      this.#followers.wake?.();
      this.#followers.changed?.(this.generation);
    } finally {
      this.#isRefreshing = false;
    }
  }

  /** Resolves when every worker has seen the map in force, so that there is room for another beside it. */
  async #seen(): Promise<void> {
    while (this.#engine.acknowledged < this.#inForce.number && !this.#isClosed) {
      this.#followers.wake?.();
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
    if (this.#isClosed) throw new SpangateError("NOT_READY", "The gateway is about to end: its map stays.");
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(task);
    this.#last = turn.catch(() => {});
    return turn;
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
