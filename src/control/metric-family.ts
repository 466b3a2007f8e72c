// A metric and its values, in the form that prom-client writes: the values are the accounts' own, so they are set, not counted here.

import type { Metric, Registry } from "prom-client";

type Labels = Readonly<Record<string, string | number>>;

/** `shared` is text already when it was written once: the same object for all metrics of a sniffer. */
export interface Value {
  readonly value: number;
  readonly labels?: Labels;
  readonly sharedLabels?: Labels;
}

/** A metric whose values are put in before it is written. */
export class Family {
  values: readonly Value[] = [];

  constructor(
    readonly registry: Registry,
    readonly type: "counter" | "gauge",
    readonly name: string,
    readonly help: string,
  ) {
    // prom-client asks a metric for nothing but its name and what `get` gives.
    registry.registerMetric(this as unknown as Metric);
  }

  get(): Promise<object> {
    const { type, name, help, values } = this;
    return Promise.resolve({ type, name, help, values, aggregator: "sum" });
  }

  /** One value without labels. */
  set(value: number): void {
    this.values = [{ value }];
  }
}
