// From a tenant's machine to its sniffer: Open vSwitch mirrors, the gateway takes the frames out and sends them on, tcpdump has them.

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { deliveryNetwork } from "./delivery-network.js";
import { expectExactly } from "./exactly.js";
import { Gateway } from "./gateway.js";
import { Lab } from "./lab.js";
import { lacks } from "./requirements.js";
import { GATEWAY, Site } from "./site.js";
import { Sniffer } from "./sniffer.js";
import { type MirrorSource, mirrorByOpenVSwitch, WAYS } from "./sources.js";
import type { Tenant } from "./tenant-traffic.js";

const COUNT = 200;
const NAMES = ["acme", "globex"];
const MACS: Record<string, string> = {
  acme: "02:00:00:00:0a:01",
  globex: "02:00:00:00:0b:01",
  idle: "02:00:00:00:0c:01",
};

/** As the sniffer gets it: its own address in place of the destination's. */
function addressed(frame: Uint8Array, mac: string): Uint8Array {
  const copy = frame.slice();
  copy.set(mac.split(":").map((digits) => Number.parseInt(digits, 16)));
  return copy;
}

describe.skipIf(lacks("ovs-vswitchd", "ovsdb-server", "ovs-vsctl"))(
  "two tenants with the same addresses",
  () => {
    let lab: Lab;
    let site: Site;
    let tenants: Tenant[];
    let sniffers: Map<string, string>;
    beforeAll(async () => {
      lab = new Lab();
      site = await Site.build(lab, { host: "open-vswitch" });
      tenants = [];
      for (const [i, name] of NAMES.entries())
        tenants.push(await site.tenant({ name, number: i + 1, overlapping: true }));
      const end = { namespace: site.gateway, name: "delivery", silent: true };
      const hosts = Object.entries(MACS).map(([name, mac]) => ({ name: `${name}-ids`, mac }));
      sniffers = new Map((await deliveryNetwork(lab, end, hosts)).namespaces);
    });
    afterAll(() => lab.close());

    describe.each(["native", "skb"])("%s", (xdp) => {
      test.each(WAYS)("%s", async (way) => {
        const sources: MirrorSource[] = [];
        for (const [i, tenant] of tenants.entries()) {
          const source = await mirrorByOpenVSwitch(site.ovs, tenant, way, {
            id: 100 + 100 * i,
            to: GATEWAY.ipv4,
          });
          onTestFinished(() => source.stop());
          sources.push(source);
        }
        const gateway = await Gateway.start(lab, site.gateway, {
          tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], backend: "afxdp", xdp },
          delivery: { interface: "delivery" },
          decode: { sequenceScope: "tunnel" },
          sniffers: NAMES.map((name) => ({ name, deliver: "mac", mac: MACS[name] })),
          tenants: NAMES.map((name, i) => ({
            name,
            sources: [sources[i]!.claim],
            sniffers: [name],
          })),
        });
        const listening = new Map<string, Sniffer>();
        for (const name of Object.keys(MACS))
          listening.set(name, await Sniffer.start(lab, sniffers.get(`${name}-ids`)!, "eth0"));
        const sent = await Promise.all(tenants.map((tenant) => tenant.exchange(COUNT)));
        for (const name of NAMES) await listening.get(name)!.has(COUNT);
        const balance = await gateway.stop();
        for (const [i, name] of NAMES.entries()) {
          const got = await listening.get(name)!.finish();
          expectExactly(
            got,
            sent[i]!.map((frame) => addressed(frame, MACS[name]!)),
            name,
          );
        }
        expect(await listening.get("idle")!.finish()).toEqual([]);
        expect(balance).toMatchObject({
          delivered: COUNT * NAMES.length,
          drops: 0,
          kernel: { dropped: 0, ringFull: 0 },
        });
      });
    });
  },
);
