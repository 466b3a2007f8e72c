// Another map for a configuration that was checked. Of ten thousand entries a change leaves most as they are: those are compared with what
// was written, and neither read nor checked again. Whatever may be a mistake has the whole configuration checked, so that all are told.

import { type ConfigPurpose, configFor } from "./check.js";
import { type MapDifference, mapDifference } from "./difference.js";
import type { Loaded } from "./load.js";
import { type Entries, MapClaims } from "./map-claims.js";
import { isSame } from "./same.js";
import { LISTS, type ListName, type LiveGatewayConfig } from "./schema.js";
import { sniffer } from "./sniffers.js";
import { sharedSource, tenant } from "./tenants.js";

const SCHEMAS = { sharedSources: sharedSource, sniffers: sniffer, tenants: tenant } as const;

/** Claims are kept of up to so many entries; of more they would take more memory than the map. */
const MOST = 100_000;

export interface Successor {
  readonly loaded: Loaded<LiveGatewayConfig>;
  readonly difference: MapDifference;
}

type Lists = Readonly<Record<ListName, readonly unknown[]>>;

/** A list that takes another's place, entry by entry. */
interface ListChange {
  readonly entries: readonly unknown[];
  readonly removed: readonly unknown[];
  readonly added: readonly unknown[];
}

export class Predecessor {
  readonly #purpose: ConfigPurpose & { live: true };
  #loaded: Loaded<LiveGatewayConfig>;
  /** Of `#loaded`, or of what `read` gave last. Made when they are asked for. */
  #claims: MapClaims | undefined;
  /** What `read` gave last of its changes only, and how its claims are taken back. */
  #read: Loaded<LiveGatewayConfig> | undefined;
  #undo: (() => void) | undefined;

  constructor(loaded: Loaded<LiveGatewayConfig>, purpose: ConfigPurpose & { live: true }) {
    this.#loaded = loaded;
    this.#purpose = purpose;
  }

  get loaded(): Loaded<LiveGatewayConfig> {
    return this.#loaded;
  }

  /** What is written, read; `accept` has it take the place of what was before. @throws SpangateError CONFIG_INVALID with all mistakes */
  read(written: Readonly<Record<string, unknown>>): Successor {
    this.#undo?.();
    this.#undo = undefined;
    this.#read = undefined;
    const quick = this.#readChanges(written);
    if (quick !== undefined) return quick;
    const config = configFor(written, this.#purpose);
    return { loaded: { config, written }, difference: mapDifference(this.#loaded.config, config) };
  }

  /** @param loaded what `read` gave last, or anything else that was checked */
  accept(loaded: Loaded<LiveGatewayConfig>): void {
    if (this.#read !== loaded) this.#claims = undefined;
    this.#read = undefined;
    this.#undo = undefined;
    this.#loaded = loaded;
  }

  #readChanges(written: Readonly<Record<string, unknown>>): Successor | undefined {
    const { config } = this.#loaded;
    if (!haveSameSections(this.#loaded.written, written)) return undefined;
    const changes: [ListName, ListChange][] = [];
    for (const list of LISTS) {
      const change = changeOf(list, this.#loaded, written);
      if (change === undefined) return undefined;
      changes.push([list, change]);
    }
    const part = (of: keyof ListChange) =>
      Object.fromEntries(changes.map(([list, change]) => [list, change[of]])) as unknown as Entries;
    const [entries, removed, added] = [part("entries"), part("removed"), part("added")];
    if (LISTS.reduce((sum, list) => sum + entries[list].length, 0) > MOST) return undefined;
    const after = { ...config, ...entries } as LiveGatewayConfig;
    this.#claims ??= new MapClaims(config, this.#purpose);
    this.#undo = this.#claims.replace(after, removed, added);
    if (this.#undo === undefined) return undefined;
    this.#read = { config: after, written };
    return { loaded: this.#read, difference: mapDifference(removed, added) };
  }
}

/** Everything but the map is written as it was. */
function haveSameSections(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): boolean {
  const isList = (key: string) => (LISTS as readonly string[]).includes(key);
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].every((key) => isList(key) || isSame(before[key], after[key]));
}

/** Undefined when an entry has a mistake. */
function changeOf(
  name: ListName,
  { config, written }: Loaded<LiveGatewayConfig>,
  { [name]: after = [] }: Readonly<Record<string, unknown>>,
): ListChange | undefined {
  // An empty key is null in YAML.
  const texts = (written[name] ?? []) as Lists[ListName];
  const before = config[name];
  if (!Array.isArray(after) || before.length !== texts.length) return undefined;
  const isKept = new Uint8Array(before.length);
  const places = new Places(texts);
  const added: unknown[] = [];
  const entries: unknown[] = [];
  for (const entry of after) {
    const place = places.of(entry);
    if (place !== undefined && isKept[place] === 0 && isSame(texts[place], entry)) {
      isKept[place] = 1;
      entries.push(before[place]);
      continue;
    }
    const result = SCHEMAS[name].safeParse(entry);
    if (!result.success) return undefined;
    entries.push(result.data);
    added.push(result.data);
  }
  return { entries, added, removed: before.filter((_, i) => isKept[i] === 0) };
}

/** Where entries are that have names. In most changes they stay in their order. */
class Places {
  readonly #list: readonly unknown[];
  #next = 0;
  #byName: Map<unknown, number> | undefined;

  constructor(list: readonly unknown[]) {
    this.#list = list;
  }

  /** Where something of that name stands, or what comes next of those without. */
  of(entry: unknown): number | undefined {
    const name = nameOf(entry);
    if (this.#next >= this.#list.length || nameOf(this.#list[this.#next]) !== name) {
      this.#byName ??= new Map(this.#list.map((each, i) => [nameOf(each), i]));
      const place = this.#byName.get(name);
      if (place === undefined) return undefined;
      this.#next = place;
    }
    return this.#next++;
  }
}

function nameOf(entry: unknown): unknown {
  return (entry as { readonly name?: unknown } | null | undefined)?.name;
}
