// The metrics of sniffers, with their tenants. There may be ten thousand of them: those beyond what there are series for are told of
// together, as `others`, always the same ones, so that no counter ever goes back.

import type { Registry } from "prom-client";
import type { LiveReadings } from "../datapath/live.js";
import { DROP_REASONS, REMOVED_SNIFFERS, type SnifferAccounts } from "../engine/index.js";
import { Family, type Value } from "./metric-family.js";

const OTHERS = "others";
const ONCE = ["offered", "sent", "sentBytes", "queued", "inFlight"] as const;
/** Series of a sniffer: those, its queue's limit, and a drop for each reason. */
export const SERIES = ONCE.length + 1 + DROP_REASONS.length;

type Name = (typeof ONCE)[number] | "limit";

/** What is told under one pair of labels. */
interface Row {
  readonly sharedLabels: { readonly tenant: string; readonly sniffer: string };
  readonly accounts: SnifferAccounts;
  readonly limit: number;
}

export class SnifferMetrics {
  readonly #families: Readonly<Record<Name, Family>>;
  readonly #dropped: Family;
  readonly #folded: Family;
  readonly #most: number;
  /** Of sniffers that have series of their own, for good. */
  readonly #labels = new Map<string, Row["sharedLabels"]>();
  readonly #others = { tenant: OTHERS, sniffer: OTHERS };
  #tenants: LiveReadings["tenants"] = new Map();
  #owners = new Map<string, string>();

  /** @param most sniffers that have series of their own */
  constructor(registry: Registry, most: number) {
    this.#most = most;
    const gauge = (name: string, help: string) => new Family(registry, "gauge", `spangate_${name}`, help);
    const counter = (name: string, help: string) =>
      new Family(registry, "counter", `spangate_sniffer_${name}_total`, help);
    this.#families = {
      offered: counter("offered_packets", "Packets that a sniffer was chosen for."),
      sent: counter("sent_packets", "Packets that were sent to a sniffer."),
      sentBytes: counter("sent_bytes", "Bytes of the frames that were sent to a sniffer."),
      queued: gauge("sniffer_queued_packets", "Packets that wait in a sniffer's queues now."),
      limit: gauge(
        "sniffer_queue_limit_packets",
        "Packets that may wait in a sniffer's queues, of all workers.",
      ),
      inFlight: gauge(
        "sniffer_in_flight_packets",
        "Packets that were taken from the queues and are not sent yet.",
      ),
    };
    this.#dropped = counter(
      "dropped_packets",
      "Packets that a sniffer was chosen for and did not get, by reason.",
    );
    this.#folded = gauge(
      "metrics_folded_sniffers",
      'Sniffers without series of their own: they are together as sniffer="others". `metrics.series` says how many series there are.',
    );
  }

  set({ sniffers, tenants, queues }: LiveReadings): void {
    const rows: Row[] = [];
    let others: Record<keyof SnifferAccounts, number> | undefined;
    let othersLimit = 0;
    let folded = 0;
    for (const [name, accounts] of sniffers) {
      const limit = queues.get(name) ?? 0;
      const sharedLabels = this.#labelsOf(name, tenants);
      if (sharedLabels !== undefined) {
        rows.push({ sharedLabels, accounts, limit });
        continue;
      }
      folded++;
      othersLimit += limit;
      if (others === undefined) others = { ...accounts };
      else add(others, accounts);
    }
    if (others !== undefined) rows.push({ sharedLabels: this.#others, accounts: others, limit: othersLimit });
    this.#folded.set(folded);
    for (const name of ONCE)
      this.#families[name].values = rows.map(({ sharedLabels, accounts }) => ({
        sharedLabels,
        value: accounts[name],
      }));
    this.#families.limit.values = rows.map(({ sharedLabels, limit }) => ({ sharedLabels, value: limit }));
    this.#dropped.values = rows.flatMap(({ sharedLabels, accounts }): Value[] =>
      DROP_REASONS.map(([reason, field]) => ({ sharedLabels, labels: { reason }, value: accounts[field] })),
    );
  }

  /** In the order in which sniffers appear, which is that of the configuration; undefined for one of the others. */
  #labelsOf(sniffer: string, tenants: LiveReadings["tenants"]): Row["sharedLabels"] | undefined {
    const known = this.#labels.get(sniffer);
    const tenant = this.#ownersIn(tenants).get(sniffer);
    if (known !== undefined && (tenant === undefined || tenant === known.tenant)) return known;
    // Somebody who is called that is one of them; and who was one of them and is gone stays so.
    if (
      sniffer === OTHERS ||
      sniffer === REMOVED_SNIFFERS ||
      (known === undefined && this.#labels.size >= this.#most)
    )
      return undefined;
    const labels = { tenant: tenant ?? "", sniffer };
    this.#labels.set(sniffer, labels);
    return labels;
  }

  /** Tenants by sniffer, made anew with each map. */
  #ownersIn(tenants: LiveReadings["tenants"]): ReadonlyMap<string, string> {
    if (tenants === this.#tenants) return this.#owners;
    this.#tenants = tenants;
    this.#owners = new Map();
    for (const [tenant, sniffers] of tenants)
      for (const sniffer of sniffers) this.#owners.set(sniffer, tenant);
    return this.#owners;
  }
}

function add(total: Record<keyof SnifferAccounts, number>, more: SnifferAccounts): void {
  for (const name of ONCE) total[name] += more[name];
  for (const [, field] of DROP_REASONS) total[field] += more[field];
}
