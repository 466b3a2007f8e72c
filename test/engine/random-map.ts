// Random parts of tenant maps, of values that occur in the corpus, so that maps match often.

import fc from "fast-check";
import { parseConfig } from "../../src/config/load.js";
import type { GatewayConfig } from "../../src/config/schema.js";

const FROM = ["192.0.2.1", "192.0.2.0/24", "192.0.0.0/16", "10.0.0.0/8", "2001:db8::/32", "2001:db8::1"];
export const ADDRESSES = [
  "10.1.0.0/16",
  "10.1.0.5",
  "10.1.0.0/24",
  "10.2.0.0/16",
  "10.0.0.0/8",
  "2001:db8:1::/48",
  "2001:db8::/32",
  "02:aa:bb:cc:dd:01",
  "02:aa:bb:cc:dd:02",
  "02:aa:bb:cc:ee:01",
];
export const GATEWAYS = ["192.0.2.2", "10.1.0.6", "2001:db8::2"];

export const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });
const where = { from: optional(fc.constantFrom(...FROM)), vlan: optional(fc.constantFrom(1, 30, 100)) };
/** A tunnel identity that a tenant claims. */
export const identity = fc.oneof(
  fc.record({
    encapsulation: fc.constant("erspan"),
    session: optional(fc.constantFrom(0, 1, 2, 3, 100, 200)),
    ...where,
  }),
  fc.record({
    encapsulation: fc.constant("gre"),
    key: optional(fc.constantFrom(0, 100, 200, 1000)),
    ...where,
  }),
  fc.record({
    encapsulation: fc.constant("nvgre"),
    vsid: optional(fc.constantFrom(0, 1, 3, 5000)),
    ...where,
  }),
  fc.record({
    encapsulation: fc.constantFrom("vxlan", "vxlan-gpe", "geneve"),
    vni: optional(fc.constantFrom(1, 100, 200, 5000, 6000)),
    ...where,
  }),
  fc.record({ encapsulation: fc.constantFrom("tzsp", "hp-erm"), ...where }),
);

/** One that many tenants share. */
export const shared = fc
  .tuple(identity, fc.constantFrom("trusted", undefined))
  .map(([source, direction]) => ({
    ...source,
    ...(source.encapsulation === "erspan" && direction !== undefined ? { direction } : {}),
  }));

/** The configuration, or undefined when the checks refuse it. */
export function configOf(text: string): GatewayConfig | undefined {
  const parsed = parseConfig(text, "random.yaml");
  return "config" in parsed ? parsed.config : undefined;
}
