// What each tenant, sniffer or mirror session did between two looks at a gateway, and what is shown first.

import type { StatusDocument } from "../control/status.js";
import {
  addAccounts,
  DROP_REASONS,
  NO_ACCOUNTS,
  type Session,
  type SnifferAccounts,
} from "../engine/index.js";

export const VIEWS = ["tenants", "sniffers", "sessions"] as const;
export type View = (typeof VIEWS)[number];
export const SORTS = ["packets", "bits", "drops", "queue", "loss", "name"] as const;
export type Sort = (typeof SORTS)[number];

/** Undefined where it is not known: rates at the first look, loss of what has no sequence numbers. */
export interface Row {
  readonly name: string;
  /** The sniffer's tenant. */
  readonly tenant?: string | undefined;
  /** A second. */
  readonly packets: number | undefined;
  readonly bits: number | undefined;
  readonly drops: number | undefined;
  /** Drops by reason, a second, the most first. */
  readonly reasons: readonly (readonly [reason: string, rate: number])[];
  /** Now. */
  readonly queued: number | undefined;
  readonly limit: number | undefined;
  /** So far. */
  readonly loss: { readonly lost: number; readonly expected: number } | undefined;
}

/** In the order asked for. `before` is undefined at the first look, or when it was another gateway. */
export function rowsOf(
  view: View,
  sort: Sort,
  before: StatusDocument | undefined,
  now: StatusDocument,
): readonly Row[] {
  const rows = view === "sessions" ? sessionRows(before, now) : deliveryRows(view, before, now);
  const byName = (a: Row, b: Row) => (a.name < b.name ? -1 : Number(a.name > b.name));
  if (sort === "name") return rows.sort(byName);
  const weight = WEIGHTS[sort];
  return rows.sort((a, b) => weight(b) - weight(a) || byName(a, b));
}

const WEIGHTS: Readonly<Record<Exclude<Sort, "name">, (row: Row) => number>> = {
  packets: ({ packets }) => packets ?? 0,
  bits: ({ bits }) => bits ?? 0,
  drops: ({ drops }) => drops ?? 0,
  queue: ({ queued, limit }) => (queued === undefined ? 0 : queued / Math.max(1, limit ?? 1)),
  loss: ({ loss }) => loss?.lost ?? 0,
};

function deliveryRows(view: View, before: StatusDocument | undefined, now: StatusDocument): Row[] {
  const owners = new Map<string, string>();
  for (const [tenant, sniffers] of Object.entries(now.tenants))
    for (const sniffer of sniffers) owners.set(sniffer, tenant);
  const perSecond = secondsBetween(before, now);
  if (view === "sniffers")
    return Object.entries(now.sniffers).map(([name, accounts]) =>
      rowOf(name, owners.get(name), accounts, before?.sniffers[name], now.queues[name] ?? 0, perSecond),
    );
  return Object.entries(now.tenants).map(([tenant, sniffers]) => {
    const total = (document: StatusDocument) =>
      sniffers.reduce((sum, name) => addAccounts(sum, document.sniffers[name] ?? NO_ACCOUNTS), NO_ACCOUNTS);
    const limit = sniffers.reduce((sum, name) => sum + (now.queues[name] ?? 0), 0);
    return rowOf(tenant, undefined, total(now), before && total(before), limit, perSecond);
  });
}

/** 1 over the seconds between the looks, by the gateway's clock. */
function secondsBetween(before: StatusDocument | undefined, now: StatusDocument): number | undefined {
  return before === undefined ? undefined : 1 / (now.seconds - before.seconds);
}

function rowOf(
  name: string,
  tenant: string | undefined,
  now: SnifferAccounts,
  before: SnifferAccounts = NO_ACCOUNTS,
  limit: number,
  perSecond: number | undefined,
): Row {
  const rate = (field: keyof SnifferAccounts) =>
    perSecond === undefined ? undefined : (now[field] - before[field]) * perSecond;
  const bytes = rate("sentBytes");
  const reasons = DROP_REASONS.map(([reason, field]) => [reason, rate(field) ?? 0] as const)
    .filter(([, drops]) => drops > 0)
    .sort(([, a], [, b]) => b - a);
  return {
    name,
    tenant,
    packets: rate("sent"),
    bits: bytes === undefined ? undefined : 8 * bytes,
    drops: perSecond === undefined ? undefined : reasons.reduce((sum, [, drops]) => sum + drops, 0),
    reasons,
    queued: now.queued + now.inFlight,
    limit,
    loss: undefined,
  };
}

function sessionRows(before: StatusDocument | undefined, now: StatusDocument): Row[] {
  const earlier = new Map(before?.sessions.map((session) => [sessionName(session), session]));
  const perSecond = secondsBetween(before, now);
  return now.sessions.map((session) => {
    const name = sessionName(session);
    const known = earlier.get(name);
    const rate = (field: "packets" | "bytes") =>
      perSecond === undefined || known === undefined
        ? undefined
        : (session[field] - known[field]) * perSecond;
    const bytes = rate("bytes");
    return {
      name,
      packets: rate("packets"),
      bits: bytes === undefined ? undefined : 8 * bytes,
      drops: undefined,
      reasons: [],
      queued: undefined,
      limit: undefined,
      loss: session.sequence,
    };
  });
}

function sessionName({ encapsulation, id, source, destination }: Session): string {
  return `${encapsulation} ${id ?? "-"} ${source} > ${destination}`;
}
