// One frame, one sniffer: what comes out at its far end, for tests by rows.

import { type DeliveryOptions, ReferenceDelivery, type ReferenceMap, type ReferenceResult } from "./index.js";
import type { ReferenceSniffer } from "./sniffer.js";

export type SnifferFields = Omit<ReferenceSniffer, "name">;
export type TenantFields = Partial<ReferenceMap["tenants"][number]>;

/** A packet of tenant acme as the decoder gives it. */
export function decoded(inner: Uint8Array, fields: Partial<ReferenceResult> = {}): ReferenceResult {
  return {
    verdict: "delivered",
    layers: 1,
    inner,
    originalLength: inner.length,
    time: 0n,
    truncated: false,
    tenant: "acme",
    ...fields,
  };
}

/** A map of tenant acme and its sniffers. */
export function mapOf(sniffers: ReferenceSniffer[], tenant: TenantFields = {}): ReferenceMap {
  const names = sniffers.map(({ name }) => name);
  const acme = {
    name: "acme",
    sources: [],
    addresses: [],
    nonIp: "drop" as const,
    sniffers: names,
    ...tenant,
  };
  return { gateway: [], sniffers, sharedSources: [], tenants: [acme] };
}

export interface Sending {
  inner: Uint8Array;
  sniffer: SnifferFields;
  about?: Partial<ReferenceResult>;
  tenant?: TenantFields;
  options?: Partial<DeliveryOptions>;
}

/** The frames on the wire, or why there are none. */
export function send({ inner, sniffer, about, tenant, options }: Sending): Uint8Array[] | string {
  const map = mapOf([{ name: "acme-ids", ...sniffer }], tenant);
  const delivery = new ReferenceDelivery(map, { mtu: 1500, ...options });
  const { verdict } = delivery.deliver(decoded(inner, about));
  return verdict === "delivered" ? delivery.take("acme-ids")[0]!.frames : verdict;
}
