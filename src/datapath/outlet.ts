// Deliveries on their way out: taken from the queues, given one by one, and settled when the next one is asked for.

import type { Engine } from "../engine/index.js";
import type { CompiledMap } from "../mapping/index.js";
import { type Delivery, deliveryOf } from "./delivery.js";

export class Outlet {
  readonly #engine: Engine;
  /** The map in force first; behind it those of packets that may still wait. */
  #maps: CompiledMap[] = [];
  /** Names of sessions, by number. */
  readonly #sessions: string[] = [];
  /** Of the deliveries taken, the number of the next one; and the record given last, of which fragment. */
  #next = 0;
  #record = 0;
  #fragment = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** A map is in force from now on. */
  use(map: CompiledMap): void {
    this.#maps.unshift(map);
  }

  /** The next delivery; the one before is sent. Undefined when no queue has any. */
  next(): Delivery | undefined {
    if (!this.#advance()) return undefined;
    const { deliveries } = this.#engine;
    const record = this.#record;
    const isPart = this.#fragment > 0 || deliveries.next(record) !== 0;
    return deliveryOf(deliveries, record, {
      tenant: this.#tenant(deliveries.tenant(record), deliveries.sniffer(record)),
      interface: this.#session(deliveries.session(record)),
      fragment: isPart ? this.#fragment : undefined,
    });
  }

  /** Goes on to the next record. */
  #advance(): boolean {
    const { deliveries } = this.#engine;
    const further = this.#record === 0 ? 0 : deliveries.next(this.#record);
    if (further !== 0) {
      this.#record = further;
      this.#fragment++;
      return true;
    }
    deliveries.settle(true, this.#next);
    if (this.#next === deliveries.count) {
      this.#next = 0;
      this.#record = 0;
      if (deliveries.take() === 0) {
        this.#maps.length = 1; // nothing waits that an older one found
        return false;
      }
    }
    this.#record = deliveries.record(this.#next++);
    this.#fragment = 0;
    return true;
  }

  /** The tenant by its index in the map it was found by, which is the newest that gives this sniffer to that tenant. */
  #tenant(index: number, sniffer: string): string | undefined {
    for (const { tenants } of this.#maps) {
      const tenant = tenants[index];
      if (tenant?.sniffers.includes(sniffer)) return tenant.name;
    }
    return undefined;
  }

  #session(number: number): string {
    if (number < 0) return "untracked";
    this.#sessions[number] ??= this.#engine.sessions.name(number);
    return this.#sessions[number];
  }
}
