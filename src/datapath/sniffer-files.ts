// What sniffers' queues hold after a batch, into each one's file: `decap --as-delivered`.

import * as at from "../../assembly/memory/layout.js";
import type { Engine } from "../engine/index.js";
import type { CaptureSink } from "./capture-sink.js";
import { SessionAmounts } from "./delivery-accounts.js";
import type { Delivery } from "./report.js";

interface SnifferFile {
  readonly sink: CaptureSink;
  readonly amounts: SessionAmounts;
}

/** Empties queues into files, and keeps the accounts. */
export class SnifferFiles {
  readonly #engine: Engine;
  readonly #files = new Map<string, SnifferFile>();

  constructor(engine: Engine, sinks: ReadonlyMap<string, CaptureSink>) {
    this.#engine = engine;
    for (const [sniffer, sink] of sinks) this.#files.set(sniffer, { sink, amounts: new SessionAmounts() });
  }

  /** Writes everything that is queued, each sniffer's in order. */
  async drain(): Promise<void> {
    const { deliveries } = this.#engine;
    while (deliveries.take() > 0) {
      for (const [sniffer, numbers] of this.#bySniffer()) {
        const { sink, amounts } = this.#files.get(sniffer)!;
        for (const number of numbers) this.#account(amounts, number);
        await sink.addDeliveries(numbers, numbers.length);
      }
      deliveries.settle();
    }
  }

  /** One row for each tenant, sniffer and encapsulation. */
  rows(tenants: readonly { name: string; sniffers: readonly string[] }[]): Delivery[] {
    return tenants.flatMap(({ name, sniffers }) =>
      sniffers.flatMap((sniffer) =>
        this.#files
          .get(sniffer)!
          .amounts.rows(this.#engine)
          .map((row) => ({ tenant: name, sniffer, ...row })),
      ),
    );
  }

  #bySniffer(): Map<string, Uint8Array> {
    const { deliveries } = this.#engine;
    const numbers = new Map<string, number[]>();
    for (let i = 0; i < deliveries.count; i++) {
      const sniffer = deliveries.sniffer(deliveries.record(i));
      const list = numbers.get(sniffer);
      if (list === undefined) numbers.set(sniffer, [i]);
      else list.push(i);
    }
    return new Map([...numbers].map(([sniffer, list]) => [sniffer, Uint8Array.from(list)]));
  }

  #account(amounts: SessionAmounts, number: number): void {
    const { deliveries } = this.#engine;
    const first = deliveries.record(number);
    let bytes = 0;
    for (let record = first; record !== 0; record = deliveries.next(record))
      bytes += deliveries.word(record, at.RECORD_LENGTH);
    amounts.add(
      deliveries.about(first, at.SESSION) | 0,
      deliveries.aboutByte(first, at.ENCAPSULATION),
      bytes,
    );
  }
}
