// A worker whose packets somebody may look at, for tests of GET /tail.

import type { SampleExplainer } from "../../src/control/tails.js";
import type { MapInForce } from "../../src/datapath/live.js";
import type { Sample, Samples } from "../../src/engine/index.js";

/** A worker that has a packet of the watched tenant, and one of its neighbour, whenever it is allowed one. */
export class FakeWorker {
  generation = 1;
  tenants = ["acme", "globex"];
  watched: [generation: number, tenant: number] | undefined;
  /** What is wrong with a sample, if it is to be. */
  amiss: Partial<Sample> = {};
  allowed = 0;
  made = 0;
  explainers = 0;

  get mapInForce(): MapInForce {
    const config = { tenants: this.tenants.map((name) => ({ name })) };
    return { number: this.generation, config, origin: undefined } as unknown as MapInForce;
  }

  readonly samples = {
    watch: (generation: number, tenant: number) => {
      this.watched = [generation, tenant];
      this.allowed = 0;
    },
    stop: () => {
      this.watched = undefined;
    },
    allow: (count: number) => {
      this.allowed = count;
    },
    take: () => {
      const { watched } = this;
      if (watched === undefined) return [];
      const [generation, tenant] = watched;
      return Array.from({ length: this.allowed }, () => {
        this.made++;
        return { generation, tenant, ...this.amiss } as Sample;
      });
    },
  } as unknown as Samples;

  explainerFor = (map: MapInForce): Promise<SampleExplainer> => {
    this.explainers++;
    return Promise.resolve({
      explain: ({ tenant }) => ({
        packet: 0,
        tenant: map.config.tenants[tenant]?.name,
        verdict: "delivered",
      }),
      dispose: () => {
        this.explainers--;
      },
    });
  };
}
