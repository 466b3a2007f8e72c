// A configuration as far as it can be read. The cross-checks run on it, so that a wrong rate in one tenant does not
// hide an identity claimed twice in another: all mistakes are reported at once.
import type { z } from "zod";
import type { EndpointAddress } from "./addresses.js";
import { endpoint } from "./fields.js";
import { type GatewayConfig, gatewayConfig } from "./schema.js";
import { type Sniffer, sniffer } from "./sniffers.js";
import { type SharedSource, type Source, sharedSource, source } from "./tenants.js";

/** A tenant of which some parts may not be readable: those are undefined and keep their place in lists. */
export interface DraftTenant {
  readonly name?: string | undefined;
  readonly sources?: readonly (Source | undefined)[] | undefined;
  readonly addresses?: readonly (EndpointAddress | undefined)[] | undefined;
  readonly sniffers?: readonly (string | undefined)[] | undefined;
}

/** A sniffer that is readable, or at least its name. */
export type DraftSniffer = Sniffer | { readonly name: string | undefined; readonly deliver?: never };

/** Every whole configuration is a draft. */
export interface Draft {
  readonly tunnel?: GatewayConfig["tunnel"] | undefined;
  readonly delivery?: GatewayConfig["delivery"] | undefined;
  readonly decode?: GatewayConfig["decode"] | undefined;
  readonly senders?: GatewayConfig["senders"] | undefined;
  readonly api?: GatewayConfig["api"] | undefined;
  readonly sharedSources: readonly (SharedSource | undefined)[];
  readonly sniffers: readonly DraftSniffer[];
  readonly tenants: readonly DraftTenant[];
}

/** Reads what can be read of a value that the schema refused. */
export function draftOf(value: unknown): Draft {
  const top = keysOf(value);
  const { tunnel, delivery, decode, senders, api } = gatewayConfig.shape;
  return {
    tunnel: read(tunnel, top.tunnel),
    delivery: read(delivery, top.delivery),
    decode: read(decode, top.decode),
    senders: read(senders, top.senders),
    api: read(api, top.api),
    sharedSources: entriesOf(top.sharedSources, (entry) => read(sharedSource, entry)) ?? [],
    sniffers: entriesOf(top.sniffers, draftSniffer) ?? [],
    tenants: entriesOf(top.tenants, draftTenant) ?? [],
  };
}

function draftSniffer(value: unknown): DraftSniffer {
  return read(sniffer, value) ?? { name: textOf(keysOf(value).name) };
}

function draftTenant(value: unknown): DraftTenant {
  const { name, sources, addresses, sniffers } = keysOf(value);
  return {
    name: textOf(name),
    sources: entriesOf(sources, (entry) => read(source, entry)),
    addresses: entriesOf(addresses, (entry) => read(endpoint, entry)),
    sniffers: entriesOf(sniffers, textOf),
  };
}

function read<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> | undefined {
  const result = schema.safeParse(value);
  return result.success ? result.data : undefined;
}

/** A list's entries; an absent list is empty, as in the schema; what is no list is not known. */
function entriesOf<T>(value: unknown, entry: (value: unknown) => T): T[] | undefined {
  if (value === undefined) return [];
  return Array.isArray(value) ? value.map(entry) : undefined;
}

function keysOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
