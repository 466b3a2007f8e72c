// What is different between two maps, and which differences a running gateway cannot take.

import { expect, test } from "vitest";
import { configFor } from "../../src/config/check.js";
import { differenceLines, isSameMap, mapDifference } from "../../src/config/difference.js";
import { expectSameGateway } from "../../src/config/restart.js";

const LIVE = { live: true } as const;
const BASE = {
  tunnel: { interface: "eth0", addresses: ["10.77.0.2"] },
  sniffers: [
    { name: "ids", deliver: "mac", mac: "02:00:00:00:0a:01" },
    { name: "far", deliver: "vxlan", to: "192.0.2.10", vni: 7 },
  ],
  tenants: [
    { name: "acme", sources: [{ encapsulation: "erspan", session: 1 }], sniffers: ["ids"] },
    { name: "globex", sources: [{ encapsulation: "vxlan", vni: 5 }], sniffers: ["far"] },
  ],
};
const config = (more: object = {}) => configFor({ ...BASE, ...more }, LIVE);

test.each<[name: string, after: object, lines: string[]]>([
  ["nothing", {}, []],
  [
    "the same in other words, in another order",
    {
      sniffers: [
        { name: "far", deliver: "vxlan", to: "192.0.2.10", vni: 7, fit: "truncate", port: 4789 },
        { name: "ids", deliver: "mac", mac: "02:00:00:00:0A:01", queue: 1024 },
      ],
    },
    [],
  ],
  [
    "a sniffer's keys",
    {
      sniffers: [
        { name: "ids", deliver: "mac", mac: "02:00:00:00:0a:02", vlan: 7, queue: 8 },
        BASE.sniffers[1],
      ],
    },
    ["~ sniffer ids: queue, mac, vlan"],
  ],
  [
    "another way to a sniffer",
    { sniffers: [BASE.sniffers[0], { name: "far", deliver: "gre", to: "192.0.2.10" }] },
    ["~ sniffer far: deliver, vni, port, udpChecksum"],
  ],
  [
    "a tenant for another",
    { tenants: [BASE.tenants[0], { ...BASE.tenants[1], name: "initech" }] },
    ["- tenant globex", "+ tenant initech"],
  ],
  [
    "an address more, and the first that there is",
    { tenants: [{ ...BASE.tenants[0], addresses: ["10.1.0.0/16"] }, BASE.tenants[1]] },
    ["~ tenant acme: addresses"],
  ],
  [
    "a shared source",
    {
      tenants: [BASE.tenants[0], { ...BASE.tenants[1], addresses: ["10.2.0.0/16"] }],
      sharedSources: [{ encapsulation: "erspan", session: 9 }],
    },
    ["~ tenant globex: addresses", "+ 1 shared source"],
  ],
])("%s", (_, after, lines) => {
  const difference = mapDifference(config(), config(after));
  expect(differenceLines(difference)).toEqual(lines);
  expect(isSameMap(difference)).toBe(lines.length === 0);
  expectSameGateway(config(), config(after));
});

test.each<[object, string[]]>([
  [{ tunnel: { ...BASE.tunnel, queues: 2 } }, ["tunnel.queues"]],
  [{ tunnel: { ...BASE.tunnel, ports: { vxlan: [4789] } } }, ["tunnel.ports.vxlan"]],
  [{ delivery: { interface: "eth1", mtu: 9000 } }, ["delivery.mtu", "delivery.interface"]],
  [{ decode: { reassembly: { timeout: "1s" } } }, ["decode.reassembly.timeout"]],
  [{ senders: 2 }, ["senders"]],
  [{ user: "spangate", sealed: true }, ["sealed", "user"]],
  [{ api: {} }, ["api"]],
])("%j takes a restart", (after, keys) => {
  expect(() => expectSameGateway(config(), config(after))).toThrow(
    expect.objectContaining({ code: "RESTART_NEEDED", details: { keys } }),
  );
});
