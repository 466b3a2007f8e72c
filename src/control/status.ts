// The accounts of a live gateway as one JSON document: what `spangate run --json` prints at the end and GET /status gives.

import { type Conservation, conservation } from "../datapath/conservation.js";
import type { LiveStatus } from "../datapath/live.js";
import { NO_ACCOUNTS, type SnifferAccounts } from "../engine/index.js";

export interface StatusDocument extends Omit<LiveStatus, "sniffers" | "tenants" | "queues">, Conservation {
  readonly sniffers: Readonly<Record<string, SnifferAccounts>>;
  /** Names of sniffers by tenant. */
  readonly tenants: Readonly<Record<string, readonly string[]>>;
  /** Packets that may wait, by sniffer. */
  readonly queues: Readonly<Record<string, number>>;
}

/** Its JSON, written without an object for each of ten thousand sniffers. */
export function statusText(status: LiveStatus): string {
  const { sniffers, tenants, queues, ...whole } = status;
  const none = new Map<never, never>();
  const {
    sniffers: _,
    tenants: __,
    queues: ___,
    ...rest
  } = statusDocument({ ...whole, sniffers: none, tenants: none, queues: none });
  const accounts: string[] = [];
  for (const [name, each] of sniffers) accounts.push(`${JSON.stringify(name)}:${accountsText(each)}`);
  const limits: string[] = [];
  for (const [name, limit] of queues) limits.push(`${JSON.stringify(name)}:${limit}`);
  const head = JSON.stringify(rest).slice(0, -1);
  return `${head},"sniffers":{${accounts.join()}},"tenants":${tenantsText(tenants)},"queues":{${limits.join()}}}`;
}

const NOTHING_TEXT = JSON.stringify(NO_ACCOUNTS);

/** Whoever was offered nothing has nothing else. */
function accountsText(accounts: SnifferAccounts): string {
  return accounts.offered === 0 ? NOTHING_TEXT : JSON.stringify(accounts);
}

const texts = new WeakMap<LiveStatus["tenants"], string>();

/** The same list as long as a map is in force. */
function tenantsText(tenants: LiveStatus["tenants"]): string {
  let text = texts.get(tenants);
  if (text === undefined) {
    text = JSON.stringify(Object.fromEntries(tenants));
    texts.set(tenants, text);
  }
  return text;
}

export function statusDocument(status: LiveStatus): StatusDocument {
  const { counters, workers, sniffers, tenants, queues, ...rest } = status;
  return {
    ...rest,
    ...conservation(status),
    counters,
    workers,
    sniffers: Object.fromEntries(sniffers),
    tenants: Object.fromEntries(tenants),
    queues: Object.fromEntries(queues),
  };
}
