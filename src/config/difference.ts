// What is different between two tenant maps, by name.

import { isSame } from "./same.js";
import type { GatewayConfig } from "./schema.js";

/** Of tenants, or of sniffers. */
export interface NamedChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly { readonly name: string; readonly keys: readonly string[] }[];
}

export interface MapDifference {
  readonly tenants: NamedChanges;
  readonly sniffers: NamedChanges;
  /** How many are new, and how many are no more. */
  readonly sharedSources: { readonly added: number; readonly removed: number };
}

type MapConfig = Pick<GatewayConfig, "tenants" | "sniffers" | "sharedSources">;
type Named = { readonly name: string };

/** What `after` is otherwise than `before`. */
export function mapDifference(before: MapConfig, after: MapConfig): MapDifference {
  return {
    tenants: namedChanges(before.tenants, after.tenants),
    sniffers: namedChanges(before.sniffers, after.sniffers),
    sharedSources: {
      added: beyond(after.sharedSources, before.sharedSources),
      removed: beyond(before.sharedSources, after.sharedSources),
    },
  };
}

/** Nothing is. */
export function isSameMap({ tenants, sniffers, sharedSources }: MapDifference): boolean {
  const counts = [tenants, sniffers].flatMap(({ added, removed, changed }) => [added, removed, changed]);
  return counts.every(({ length }) => length === 0) && sharedSources.added + sharedSources.removed === 0;
}

/** A line for each: `+ tenant acme`, `~ sniffer ids: mac, queue`. Empty when nothing is different. */
export function differenceLines({ tenants, sniffers, sharedSources }: MapDifference): string[] {
  const lines = (kind: string, { added, removed, changed }: NamedChanges) => [
    ...removed.map((name) => `- ${kind} ${name}`),
    ...added.map((name) => `+ ${kind} ${name}`),
    ...changed.map(({ name, keys }) => `~ ${kind} ${name}: ${keys.join(", ")}`),
  ];
  const shared = (sign: string, count: number) =>
    count === 0 ? [] : [`${sign} ${count} shared source${count === 1 ? "" : "s"}`];
  return [
    ...lines("tenant", tenants),
    ...lines("sniffer", sniffers),
    ...shared("-", sharedSources.removed),
    ...shared("+", sharedSources.added),
  ];
}

function namedChanges(before: readonly Named[], after: readonly Named[]): NamedChanges {
  const old = new Map(before.map((each) => [each.name, each]));
  const added: string[] = [];
  const changed: { name: string; keys: string[] }[] = [];
  for (const each of after) {
    const former = old.get(each.name);
    old.delete(each.name);
    if (former === undefined) added.push(each.name);
    else {
      const keys = differentKeys(former, each);
      if (keys.length > 0) changed.push({ name: each.name, keys });
    }
  }
  return { added, removed: [...old.keys()], changed };
}

function differentKeys(before: object, after: object): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  const value = (of: object, key: string) => (of as Record<string, unknown>)[key];
  return [...keys].filter((key) => !isSame(value(before, key), value(after, key)));
}

/** How many of `list` are not in `other`. */
function beyond(list: readonly unknown[], other: readonly unknown[]): number {
  const known = new Set(other.map(text));
  return list.filter((each) => !known.has(text(each))).length;
}

/** The same for the same values; addresses are typed arrays, whose JSON is of objects. */
function text(value: unknown): string {
  return JSON.stringify(value) ?? "";
}
