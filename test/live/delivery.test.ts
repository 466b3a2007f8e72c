// Every way of delivery, taken by a real receiver: packets made by hand go in, and what the receiver takes out is what was in them.

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { expectExactly } from "./exactly.js";
import { type Balance, Gateway } from "./gateway.js";
import { Lab } from "./lab.js";
import { OpenVSwitch } from "./open-vswitch.js";
import { receiveByKernelVxlan, receiveByOpenVSwitch } from "./receivers.js";
import { lacks } from "./requirements.js";
import { GATEWAY, HOST, Site } from "./site.js";
import type { Sniffer } from "./sniffer.js";
import type { Way } from "./sources.js";
import type { Tenant } from "./tenant-traffic.js";
import { tunnelFrames } from "./tunnel-packets.js";

const COUNT = 100;
const TIMEOUT = 30_000;
const OURS = "198.51.100.1";
const THEIRS = "198.51.100.2";
const BETWEEN = { from: HOST.ipv4, to: GATEWAY.ipv4, fromMac: HOST.mac, toMac: GATEWAY.mac };

async function close(lab: Lab): Promise<void> {
  await lab.close();
  expect(lab.leftovers()).toEqual([]);
}

/** Sends what the tenant says through the gateway, to a sniffer of these words. Gives the balance. */
async function deliver(
  site: Site,
  tenant: Tenant,
  words: Readonly<Record<string, unknown>>,
  sniffer: Sniffer,
): Promise<Balance> {
  const { lab } = site;
  const gateway = await Gateway.start(lab, site.gateway, {
    tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], backend: "afxdp" },
    delivery: { interface: "delivery", mtu: 1900 },
    sniffers: [{ name: "sniffer", ...words }],
    tenants: [{ name: "acme", sources: [{ encapsulation: "erspan", session: 100 }], sniffers: ["sniffer"] }],
  });
  const frames = tenant.frames(COUNT);
  const packets = frames.flatMap((frame, i) => tunnelFrames("erspan2", 100, frame, i, BETWEEN));
  await lab.port(site.host, "under").replay(packets, { rate: 2000 });
  await sniffer.has(COUNT);
  const balance = await gateway.stop();
  expectExactly(await sniffer.stop(), frames, String(words.deliver));
  expect(balance).toMatchObject({ delivered: COUNT, drops: 0 });
  return balance;
}

describe.skipIf(lacks("ovs-vswitchd", "ovsdb-server", "ovs-vsctl"))("Open vSwitch takes", () => {
  let lab: Lab;
  let site: Site;
  let tenant: Tenant;
  let ovs: OpenVSwitch;
  beforeAll(async () => {
    lab = new Lab();
    site = await Site.build(lab, { host: "nothing" });
    tenant = await site.tenant({ name: "acme", number: 1 });
    const namespace = await lab.namespace("receiver");
    await lab.link(
      { namespace: site.gateway, name: "delivery", addresses: [`${OURS}/24`] },
      { namespace, name: "under", silent: true },
    );
    ovs = await OpenVSwitch.start(lab, namespace);
    await ovs.underlay({ port: "under", mac: lab.mac(), addresses: [`${THEIRS}/24`] });
  }, TIMEOUT);
  afterAll(() => close(lab), TIMEOUT);

  const words: Record<Way, object> = {
    erspan2: { deliver: "erspan2", session: 55 },
    erspan3: { deliver: "erspan3", session: 55 },
    gre: { deliver: "gre", key: 55 },
    vxlan: { deliver: "vxlan", vni: 55 },
    geneve: { deliver: "geneve", vni: 55 },
  };
  test.each(Object.keys(words) as Way[])("%s, the next hop found by ARP", async (way) => {
    const { sniffer, stop } = await receiveByOpenVSwitch(lab, ovs, way, { id: 55, from: OURS });
    onTestFinished(stop);
    await deliver(site, tenant, { ...words[way], to: THEIRS }, sniffer);
  });
});

describe.skipIf(lacks())("the kernel", () => {
  test("takes vxlan behind a router", async () => {
    const lab = new Lab();
    onTestFinished(() => close(lab));
    const site = await Site.build(lab, { host: "nothing" });
    const tenant = await site.tenant({ name: "acme", number: 1 });
    const namespace = await lab.namespace("receiver");
    const receiver = { namespace, name: "eth0", mac: lab.mac(), addresses: [`${THEIRS}/24`] };
    await lab.link({ namespace: site.gateway, name: "delivery", addresses: [`${OURS}/24`] }, receiver);
    const far = "203.0.113.9";
    await lab.ip(namespace, `addr add ${far}/32 dev eth0`);
    await lab.ip(site.gateway, `route add ${far}/32 via ${THEIRS}`);
    const { sniffer } = await receiveByKernelVxlan(lab, namespace, { id: 77, from: OURS, at: far });
    await deliver(site, tenant, { deliver: "vxlan", vni: 77, to: far }, sniffer);
  });

  test("a destination without a route is a mistake", async () => {
    const lab = new Lab();
    onTestFinished(() => close(lab));
    const site = await Site.build(lab, { host: "nothing" });
    const namespace = await lab.namespace("receiver");
    await lab.link(
      { namespace: site.gateway, name: "delivery", addresses: [`${OURS}/24`] },
      { namespace, name: "eth0", silent: true },
    );
    const start = Gateway.start(lab, site.gateway, {
      tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], backend: "afxdp" },
      delivery: { interface: "delivery" },
      sniffers: [{ name: "sniffer", deliver: "vxlan", vni: 7, to: "203.0.113.9" }],
      tenants: [{ name: "acme", sources: [{ encapsulation: "vxlan", vni: 1 }], sniffers: ["sniffer"] }],
    });
    await expect(start).rejects.toThrow("delivery is no way to 203.0.113.9");
  });
});
