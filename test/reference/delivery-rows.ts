// One frame, one sniffer: what comes out at its far end, for tests by rows.

import { describe, expect, test } from "vitest";
import { RecordedDelivery } from "../engine/delivery-agreement.js";
import type { DeliveryOptions, ReferenceDelivery, ReferenceMap, ReferenceResult } from "./index.js";
import { type Bytes, ethernet, hex, MAC_A } from "./packets.js";
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
  const delivery = new RecordedDelivery(map, { mtu: 1500, ...options });
  const { verdict } = delivery.deliver(decoded(inner, about));
  return verdict === "delivered" ? delivery.take("acme-ids")[0]!.frames : verdict;
}

export interface DeliveryRow extends Sending {
  name: string;
  expected: Uint8Array | Uint8Array[];
}

export function deliveryRows(title: string, list: DeliveryRow[]): void {
  describe(title, () => {
    test.each(list)("$name", (row) => {
      const before = row.inner.slice();
      expect(send(row)).toEqual(row.expected instanceof Uint8Array ? [row.expected] : row.expected);
      expect(row.inner).toEqual(before);
    });
  });
}

/** Of the sniffers below. */
export const MAC = hex("0200 0000 0a01");
export const NEW4 = "192.0.2.77";
export const NEW6 = "2001:db8:77::1";

export const mac = (fields: SnifferFields = {}): SnifferFields => ({
  deliver: "mac",
  mac: "02:00:00:00:0a:01",
  ...fields,
});
export const ip = (fields: SnifferFields = {}): SnifferFields => ({
  ...mac(),
  deliver: "ip",
  ip: NEW4,
  ...fields,
});
export const ip6 = ip({ ip: NEW6 });
export const toSniffer = (etherType: number, payload: Bytes, source: Bytes = MAC_A) =>
  ethernet(etherType, payload, source, MAC);

/** A frame that is no IP. */
export const frameOf = (length: number, fill = 0x5a) =>
  ethernet(0x88b5, new Uint8Array(length - 14).fill(fill));

export const file = (name: string, fields: Partial<ReferenceSniffer> = {}): ReferenceSniffer => ({
  name,
  ...fields,
});

export function deliveryTo(
  sniffers: ReferenceSniffer[],
  tenant?: TenantFields,
  mtu = 1500,
): ReferenceDelivery {
  return new RecordedDelivery(mapOf(sniffers, tenant), { mtu });
}

/** Offers it; gives "verdict; sniffer refusal, ..." */
export function offer(delivery: ReferenceDelivery, inner: Uint8Array, time = 0n): string {
  const { verdict, offers } = delivery.deliver(decoded(inner, { time }));
  const each = offers.map(
    ({ sniffer, refused, displaced }) => `${sniffer} ${refused ?? (displaced ? "displaced" : "ok")}`,
  );
  return [verdict, each.join(", ")].filter((part) => part !== "").join("; ");
}
