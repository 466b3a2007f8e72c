// What each tenant got by which mirror session, and from that what its sniffers got and what was lost on the way here.

import * as at from "../../assembly/memory/layout.js";
import { ENCAPSULATIONS, type EncapsulationName, type Engine } from "../engine/index.js";
import type { Delivery } from "./report.js";

interface Amount {
  packets: number;
  bytes: number;
}

/** Of a tenant, as the tenant map names it. */
interface Tenant {
  readonly name: string;
  readonly sniffers: readonly string[];
  readonly snaplen?: number | undefined;
}

export class DeliveryAccounts {
  readonly #engine: Engine;
  readonly #tenants: readonly Tenant[];
  /** By tenant, then by session. */
  readonly #amounts: Map<number, Amount>[];

  constructor(engine: Engine, tenants: readonly Tenant[]) {
    this.#engine = engine;
    this.#tenants = tenants;
    this.#amounts = tenants.map(() => new Map());
  }

  /** Adds the first `count` descriptors of `numbers`, which are delivered to `tenant`. */
  add(tenant: number, numbers: Uint8Array, count: number): void {
    const { batch } = this.#engine;
    const amounts = this.#amounts[tenant]!;
    const snaplen = this.#tenants[tenant]!.snaplen ?? Number.POSITIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      const number = numbers[i]!;
      // Untracked sessions are told apart by encapsulation only.
      const session = batch.session(number);
      const key = session >= 0 ? session : -1 - batch.byte(number, at.ENCAPSULATION);
      let amount = amounts.get(key);
      if (amount === undefined) {
        amount = { packets: 0, bytes: 0 };
        amounts.set(key, amount);
      }
      amount.packets++;
      amount.bytes += Math.min(snaplen, batch.word(number, at.INNER_CAPTURED));
    }
  }

  /** One row for each tenant, sniffer and encapsulation. */
  deliveries(): Delivery[] {
    return this.#tenants.flatMap(({ name, sniffers }, tenant) => {
      const rows = this.#byEncapsulation(this.#amounts[tenant]!);
      return sniffers.flatMap((sniffer) => rows.map((row) => ({ tenant: name, sniffer, ...row })));
    });
  }

  #byEncapsulation(amounts: Map<number, Amount>): Omit<Delivery, "tenant" | "sniffer">[] {
    const rows = new Map<EncapsulationName, Amount & { lost: number; expected: number }>();
    for (const [key, { packets, bytes }] of amounts) {
      const session = key >= 0 ? this.#engine.sessions.session(key) : undefined;
      const encapsulation = session?.encapsulation ?? ENCAPSULATIONS[-1 - key]!;
      const row = rows.get(encapsulation) ?? { packets: 0, bytes: 0, lost: 0, expected: 0 };
      row.packets += packets;
      row.bytes += bytes;
      row.lost += session?.sequence?.lost ?? 0;
      row.expected += session?.sequence?.expected ?? 0;
      rows.set(encapsulation, row);
    }
    return [...rows].map(([encapsulation, { packets, bytes, lost, expected }]) => {
      const loss = expected === 0 ? {} : { loss: { lost, expected } };
      return { encapsulation, packets, bytes, ...loss };
    });
  }
}
