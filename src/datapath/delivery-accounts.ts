// What tenants and sniffers got by which mirror session, and what was lost on the way here.

import * as at from "../../assembly/memory/layout.js";
import { ENCAPSULATIONS, type EncapsulationName, type Engine } from "../engine/index.js";
import type { Delivery } from "./report.js";

interface Amount {
  packets: number;
  bytes: number;
}

/** What somebody got, by session. */
export class SessionAmounts {
  readonly #amounts = new Map<number, Amount>();

  /** A packet of `session` (-1: untracked, told apart by encapsulation only). */
  add(session: number, encapsulation: number, bytes: number): void {
    const key = session >= 0 ? session : -1 - encapsulation;
    let amount = this.#amounts.get(key);
    if (amount === undefined) {
      amount = { packets: 0, bytes: 0 };
      this.#amounts.set(key, amount);
    }
    amount.packets++;
    amount.bytes += bytes;
  }

  /** One row for each encapsulation. */
  rows(engine: Engine): Omit<Delivery, "tenant" | "sniffer">[] {
    const rows = new Map<EncapsulationName, Amount & { lost: number; expected: number }>();
    for (const [key, { packets, bytes }] of this.#amounts) {
      const session = key >= 0 ? engine.sessions.session(key) : undefined;
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

/** Of a tenant, as the tenant map names it. */
interface Tenant {
  readonly name: string;
  readonly sniffers: readonly string[];
  readonly snaplen?: number | undefined;
}

/** Accounts of tenants, all of whose sniffers get every packet. */
export class DeliveryAccounts {
  readonly #engine: Engine;
  readonly #tenants: readonly Tenant[];
  readonly #amounts: SessionAmounts[];

  constructor(engine: Engine, tenants: readonly Tenant[]) {
    this.#engine = engine;
    this.#tenants = tenants;
    this.#amounts = tenants.map(() => new SessionAmounts());
  }

  /** Adds the first `count` descriptors of `numbers`, which are delivered to `tenant`. */
  add(tenant: number, numbers: Uint8Array, count: number): void {
    const { batch } = this.#engine;
    const amounts = this.#amounts[tenant]!;
    const snaplen = this.#tenants[tenant]!.snaplen ?? Number.POSITIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      const number = numbers[i]!;
      const bytes = Math.min(snaplen, batch.word(number, at.INNER_CAPTURED));
      amounts.add(batch.session(number), batch.byte(number, at.ENCAPSULATION), bytes);
    }
  }

  /** One row for each tenant, sniffer and encapsulation. */
  deliveries(): Delivery[] {
    return this.#tenants.flatMap(({ name, sniffers }, tenant) => {
      const rows = this.#amounts[tenant]!.rows(this.#engine);
      return sniffers.flatMap((sniffer) => rows.map((row) => ({ tenant: name, sniffer, ...row })));
    });
  }
}
