// Every way of delivery in a tunnel, taken by a real receiver: packets made by hand go in, and what the receiver takes out is what was in
// them. tshark reads what was on the wire between.

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { missing, tshark } from "../capture/programs.js";
import { expectExactly } from "./exactly.js";
import { type Balance, Gateway } from "./gateway.js";
import { Lab } from "./lab.js";
import { OpenVSwitch } from "./open-vswitch.js";
import { receiveByKernelVxlan, receiveByOpenVSwitch } from "./receivers.js";
import { lacks } from "./requirements.js";
import { GATEWAY, Site, V4 } from "./site.js";
import { Sniffer } from "./sniffer.js";
import { claimOf, WAYS, type Way } from "./sources.js";
import type { Tenant } from "./tenant-traffic.js";
import { tunnelFrames } from "./tunnel-packets.js";

const COUNT = 100;
const TIMEOUT = 30_000;
const OURS = "198.51.100.1";
const THEIRS = "198.51.100.2";
const OURS_IPV6 = "2001:db8:99::1";
const THEIRS_IPV6 = "2001:db8:99::2";
/** The kernel asks for neighbours from it (ndisc_send_ns), when it is not for a packet of its own. */
const LINK_LOCAL = "fe80::1/64";

/** Sends what the tenant says through the gateway, to a sniffer of these words. Gives the balance. */
async function deliver(
  site: Site,
  tenant: Tenant,
  words: Readonly<Record<string, unknown>>,
  sniffer: Sniffer,
): Promise<Balance> {
  const { lab } = site;
  const gateway = await Gateway.forTest(lab, site.gateway, {
    tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], backend: "afxdp" },
    delivery: { interface: "delivery", mtu: 1900 },
    sniffers: [{ name: "sniffer", ...words }],
    tenants: [{ name: "acme", sources: [{ encapsulation: "erspan", session: 100 }], sniffers: ["sniffer"] }],
  });
  const frames = tenant.frames(COUNT);
  const packets = frames.flatMap((frame, i) => tunnelFrames("erspan2", 100, frame, i, V4));
  await lab.port(site.host, "under").replay(packets, { rate: 2000 });
  await sniffer.has(COUNT);
  const balance = await gateway.stop();
  expectExactly(await sniffer.stop(), frames, String(words.deliver));
  expect(balance).toMatchObject({ delivered: COUNT, drops: 0 });
  return balance;
}

/** The id, in tshark's words. */
const IDS: Readonly<Record<Way, [field: string, text: (id: number) => string]>> = {
  erspan2: ["erspan.spanid", String],
  erspan3: ["erspan.spanid", String],
  gre: ["gre.key", (key) => `0x${key.toString(16).padStart(8, "0")}`],
  vxlan: ["vxlan.vni", String],
  geneve: ["geneve.vni", (vni) => `0x${vni.toString(16).padStart(6, "0")}`],
};

/** Every packet is whole, with the right addresses and checksums; over IPv4 UDP has none, unless it is asked for. */
function expectDissected(path: string, way: Way, id: number, to: string): void {
  if (missing("tshark")) return;
  const [field, text] = IDS[way];
  const isIpv6 = to.includes(":");
  const isUdp = way === "vxlan" || way === "geneve";
  const fields = [
    "_ws.malformed",
    field,
    isIpv6 ? "ipv6.dst" : "ip.dst",
    "ip.checksum.status",
    "udp.checksum.status",
  ];
  const rows = tshark(path, fields, ["ip.check_checksum:TRUE", "udp.check_checksum:TRUE"]);
  expect(rows).toHaveLength(COUNT);
  for (const [malformed, found, destination, ip, udp] of rows) {
    expect([malformed, found, destination!.split(",")[0]]).toEqual(["", text(id), to]);
    if (!isIpv6) expect(ip!.split(",")[0]).toBe(GOOD);
    if (isUdp) expect(udp!.split(",")[0]).toBe(isIpv6 ? GOOD : NOT_PRESENT);
  }
}
const GOOD = "1";
const NOT_PRESENT = "3";

describe.skipIf(lacks("ovs-vswitchd", "ovsdb-server", "ovs-vsctl"))("Open vSwitch takes", () => {
  let lab: Lab;
  let site: Site;
  let tenant: Tenant;
  let ovs: OpenVSwitch;
  beforeAll(async () => {
    lab = new Lab();
    site = await Site.build(lab, { host: "nothing" });
    tenant = await site.tenant({ name: "acme", number: 1 });
    const namespace = await lab.namespace("receiver", { ipv6: true });
    await lab.link(
      { namespace: site.gateway, name: "delivery", addresses: [`${OURS}/24`, `${OURS_IPV6}/64`, LINK_LOCAL] },
      { namespace, name: "under", silent: true },
    );
    ovs = await OpenVSwitch.start(lab, namespace);
    const addresses = [`${THEIRS}/24`, `${THEIRS_IPV6}/64`];
    await ovs.underlay({ port: "under", mac: lab.mac(), addresses });
  }, TIMEOUT);
  afterAll(() => lab.close(), TIMEOUT);

  const words = (way: Way, id: number): object => {
    const { encapsulation: _, ...ids } = claimOf(way, id);
    return { deliver: way, ...ids };
  };
  const ROWS = WAYS.flatMap((way) => [
    [way, "ARP", 55, OURS, THEIRS] as const,
    [way, "neighbour discovery", 56, OURS_IPV6, THEIRS_IPV6] as const,
  ]);
  test.each(ROWS)("%s, the next hop found by %s", async (way, _, id, from, to) => {
    const { sniffer, stop } = await receiveByOpenVSwitch(lab, ovs, way, { id, from });
    onTestFinished(stop);
    const filter = `src host ${from} and not arp and not icmp6`;
    const wire = await Sniffer.start(lab, ovs.namespace, "under", { filter });
    await deliver(site, tenant, { ...words(way, id), to }, sniffer);
    await wire.has(COUNT);
    await wire.stop();
    expectDissected(wire.path, way, id, to);
  });
});

describe.skipIf(lacks())("the kernel", () => {
  test("takes vxlan behind a router", async () => {
    const lab = new Lab();
    onTestFinished(() => lab.close());
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

  test("takes vxlan over IPv6", async () => {
    const lab = new Lab();
    onTestFinished(() => lab.close());
    const site = await Site.build(lab, { host: "nothing" });
    const tenant = await site.tenant({ name: "acme", number: 1 });
    const namespace = await lab.namespace("receiver", { ipv6: true });
    await lab.link(
      { namespace: site.gateway, name: "delivery", addresses: [`${OURS_IPV6}/64`, LINK_LOCAL] },
      { namespace, name: "eth0", mac: lab.mac(), addresses: [`${THEIRS_IPV6}/64`] },
    );
    const tunnel = { id: 77, from: OURS_IPV6, at: THEIRS_IPV6 };
    const { sniffer } = await receiveByKernelVxlan(lab, namespace, tunnel);
    await deliver(site, tenant, { deliver: "vxlan", vni: 77, to: THEIRS_IPV6 }, sniffer);
  });

  test("a destination without a route is a mistake", async () => {
    const lab = new Lab();
    onTestFinished(() => lab.close());
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
