// The accounts of a live gateway as one JSON document: what `spangate run --json` prints at the end and GET /status gives.

import { type Conservation, conservation } from "../datapath/conservation.js";
import type { LiveStatus } from "../datapath/live.js";
import type { SnifferAccounts } from "../engine/index.js";

export interface StatusDocument extends Omit<LiveStatus, "sniffers">, Conservation {
  readonly sniffers: Readonly<Record<string, SnifferAccounts>>;
}

export function statusDocument(status: LiveStatus): StatusDocument {
  const { counters, workers, sniffers, ...rest } = status;
  return {
    ...rest,
    ...conservation(status),
    counters,
    workers,
    sniffers: Object.fromEntries(sniffers),
  };
}
