// Claims by number: shared sources first, then those of the tenants, told in words when somebody asks.

import { expect, test } from "vitest";
import { compileMap } from "../../src/mapping/index.js";
import { configOf } from "./configuration.js";

test("every number has the claim at its place, and others none", () => {
  const config = configOf(`
sharedSources: [{ encapsulation: erspan, session: 7, from: 10.77.0.0/24 }]
sniffers: [{ name: a }, { name: b }, { name: c }]
tenants:
  - { name: none, addresses: [10.0.0.0/8], sniffers: [a] }
  - { name: two, sniffers: [b], sources: [{ encapsulation: vxlan, vni: 5, vlan: 30 }, { encapsulation: gre }] }
  - { name: one, sniffers: [c], sources: [{ encapsulation: tzsp, from: "2001:db8::1" }] }
`);
  const { claims } = compileMap(config);
  expect([-1, 0, 1, 2, 3, 4, 0.5].map((index) => claims.at(index))).toEqual([
    undefined,
    { path: "sharedSources[0]", text: "erspan 7 from 10.77.0.0/24", shared: true },
    { path: "tenants[1].sources[0]", text: "vxlan 5 in VLAN 30", shared: false, tenant: "two" },
    { path: "tenants[1].sources[1]", text: "gre", shared: false, tenant: "two" },
    { path: "tenants[2].sources[0]", text: "tzsp from 2001:db8::1", shared: false, tenant: "one" },
    undefined,
    undefined,
  ]);
});
