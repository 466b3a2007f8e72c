// A batch taken apart: delivered packets by tenant, and the unmapped ones. Nothing is allocated once it has seen its tenants.

import { type Engine, Verdict } from "../engine/index.js";

/** Descriptors of one tenant: the first `count` of `numbers`. */
export interface TenantGroup {
  tenant: number;
  readonly numbers: Uint8Array;
  count: number;
}

export class TenantGroups {
  readonly unmapped: Uint8Array;
  unmappedCount = 0;
  readonly #engine: Engine;
  readonly #groups: TenantGroup[] = [];
  /** Place in `#groups` + 1 by tenant, for the present batch. */
  readonly #places: Uint16Array;
  #used = 0;

  constructor(engine: Engine, tenants: number) {
    this.#engine = engine;
    this.unmapped = new Uint8Array(engine.batch.capacity);
    this.#places = new Uint16Array(tenants);
  }

  /** Tenants of the packets that were split last. */
  get groups(): readonly TenantGroup[] {
    return this.#groups.slice(0, this.#used);
  }

  split(from: number, to: number): void {
    const { batch } = this.#engine;
    for (let i = 0; i < this.#used; i++) this.#places[this.#groups[i]!.tenant] = 0;
    this.#used = 0;
    this.unmappedCount = 0;
    for (let i = from; i < to; i++) {
      const verdict = batch.verdict(i);
      if (verdict === Verdict.Delivered) {
        const group = this.#group(batch.tenant(i));
        group.numbers[group.count++] = i;
      } else if (verdict === Verdict.Unmapped) {
        this.unmapped[this.unmappedCount++] = i;
      }
    }
  }

  #group(tenant: number): TenantGroup {
    const place = this.#places[tenant]!;
    if (place !== 0) return this.#groups[place - 1]!;
    let group = this.#groups[this.#used];
    if (group === undefined) {
      group = { tenant, numbers: new Uint8Array(this.#engine.batch.capacity), count: 0 };
      this.#groups.push(group);
    }
    group.tenant = tenant;
    group.count = 0;
    this.#places[tenant] = ++this.#used;
    return group;
  }
}
