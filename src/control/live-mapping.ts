// The tenant map of a running gateway as people change it: in its file, or by the control API. A change is read, checked as a whole and
// put in force, one after the other; one that is refused leaves everything as it was.

import type { ConfigPurpose } from "../config/check.js";
import { isSameMap, type MapDifference, mapDifference } from "../config/difference.js";
import type { Loaded } from "../config/load.js";
import { expectSameGateway } from "../config/restart.js";
import type { LiveGatewayConfig } from "../config/schema.js";
import { Predecessor, type Successor } from "../config/successor.js";
import { SpangateError } from "../errors.js";

/** The part of gateway.yaml that changes while the gateway runs, as it is written there. */
export interface MapDocument {
  readonly sharedSources: readonly unknown[];
  readonly sniffers: readonly unknown[];
  readonly tenants: readonly unknown[];
}

/** Who puts a map in force (LiveGateway). */
export interface Mapped {
  replaceMap(config: LiveGatewayConfig): Promise<number>;
}

export interface MapChange {
  /** Of the map that is in force now. */
  readonly generation: number;
  readonly difference: MapDifference;
  /** Whether the difference is in force; else it was only asked for. */
  readonly applied: boolean;
}

export interface ChangeOptions {
  /** The generation that the change is meant for; any when absent. */
  readonly generation?: number | undefined;
  /** What would change is told, and nothing changes. */
  readonly dryRun?: boolean | undefined;
  /** By whom, for the log. */
  readonly by: string;
}

export class LiveMapping {
  readonly #gateway: Mapped;
  readonly #changed: (change: MapChange, by: string) => void;
  readonly #inForce: Predecessor;
  #generation = 1;
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param loaded what the gateway was started with
   * @param changed is told of each map that is put in force
   */
  constructor(
    gateway: Mapped,
    loaded: Loaded<LiveGatewayConfig>,
    purpose: ConfigPurpose & { live: true },
    changed: (change: MapChange, by: string) => void,
  ) {
    this.#gateway = gateway;
    this.#inForce = new Predecessor(loaded, purpose);
    this.#changed = changed;
  }

  /** Counts the maps that were put in force, from 1. */
  get generation(): number {
    return this.#generation;
  }

  /** What is in force, as it was written. */
  get document(): MapDocument {
    const {
      sharedSources = [],
      sniffers = [],
      tenants = [],
    } = this.#inForce.loaded.written as Partial<MapDocument>;
    // An empty key is null in YAML.
    return { sharedSources: sharedSources ?? [], sniffers: sniffers ?? [], tenants: tenants ?? [] };
  }

  /**
   * Puts another map in force: `edit` gives it, of the one that is.
   *
   * @throws SpangateError GENERATION_CHANGED, CONFIG_INVALID with all mistakes, and what the gateway says of it
   */
  change(edit: (document: MapDocument) => Partial<MapDocument>, options: ChangeOptions): Promise<MapChange> {
    return this.#inTurn(() => {
      this.#expectGeneration(options.generation);
      const { document } = this;
      const written = { ...this.#inForce.loaded.written, ...document, ...edit(document) };
      return this.#replace(this.#inForce.read(written), options);
    });
  }

  /**
   * Puts the map of a whole configuration in force, which `load` gives.
   *
   * @throws SpangateError RESTART_NEEDED when it changes anything else, what `load` throws, and what the gateway says of it
   */
  load(load: () => Promise<Loaded<LiveGatewayConfig>>, options: ChangeOptions): Promise<MapChange> {
    return this.#inTurn(async () => {
      const loaded = await load();
      const difference = mapDifference(this.#inForce.loaded.config, loaded.config);
      return this.#replace({ loaded, difference }, options);
    });
  }

  async #replace({ loaded, difference }: Successor, options: ChangeOptions): Promise<MapChange> {
    expectSameGateway(this.#inForce.loaded.config, loaded.config);
    if (options.dryRun) return { generation: this.#generation, difference, applied: false };
    if (isSameMap(difference)) return { generation: this.#generation, difference, applied: true };
    this.#generation = await this.#gateway.replaceMap(loaded.config);
    this.#inForce.accept(loaded);
    const change = { generation: this.#generation, difference, applied: true };
    this.#changed(change, options.by);
    return change;
  }

  #expectGeneration(wanted: number | undefined): void {
    if (wanted === undefined || wanted === this.#generation) return;
    const message = `The map is of generation ${this.#generation} by now, and the change was meant for ${wanted}: read it again.`;
    throw new SpangateError("GENERATION_CHANGED", message, {
      details: { generation: this.#generation, wanted },
    });
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(task);
    this.#last = turn.catch(() => {});
    return turn;
  }
}
