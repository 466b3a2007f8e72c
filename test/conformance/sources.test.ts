// Real mirror sources through the gateway, by every backend: what the tenant's machines said is what tcpdump has at its sniffer. The
// kernel's vxlan device (tc copies into it), tags that are put on the tunnel on the way, and fragments, of the kernel's own and of a
// router between Open vSwitch and the gateway.

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { deliveryNetwork } from "../live/delivery-network.js";
import { addressedTo, expectExactly } from "../live/exactly.js";
import { type Balance, Gateway } from "../live/gateway.js";
import { Lab } from "../live/lab.js";
import { lacks, lacksCap } from "../live/requirements.js";
import { RoutedSite } from "../live/routed-site.js";
import { GATEWAY, HOST, Site } from "../live/site.js";
import { Sniffer } from "../live/sniffer.js";
import { mirrorByKernelVxlan, mirrorByOpenVSwitch, WAYS } from "../live/sources.js";
import { pushTag } from "../live/tag-pusher.js";
import type { Tenant } from "../live/tenant-traffic.js";

const COUNT = 150;
const TIMEOUT = 60_000;
const MACS: Readonly<Record<string, string>> = { acme: "02:00:00:00:0a:01", globex: "02:00:00:00:0b:01" };
interface Backends {
  readonly backend: string;
  readonly xdp?: string;
}
const BACKENDS: [name: string, tunnel: Backends][] = [
  ["afxdp, native", { backend: "afxdp", xdp: "native" }],
  ["afxdp, skb", { backend: "afxdp", xdp: "skb" }],
  ["afpacket", { backend: "afpacket" }],
  ...(lacksCap() ? [] : [["libpcap", { backend: "libpcap" }] as [string, Backends]]),
];
const OVER_UDP: typeof BACKENDS = [...BACKENDS, ["udp", { backend: "udp" }]];

/** The delivery side: a sniffer for each name, and the gateway between. */
class Scene {
  private constructor(
    readonly lab: Lab,
    private readonly gateway: string,
    private readonly sniffers: ReadonlyMap<string, string>,
  ) {}

  static async build(lab: Lab, gateway: string): Promise<Scene> {
    const hosts = Object.entries(MACS).map(([name, mac]) => ({ name: `${name}-ids`, mac }));
    const network = await deliveryNetwork(lab, { namespace: gateway, name: "delivery", silent: true }, hosts);
    return new Scene(lab, gateway, network.namespaces);
  }

  /** Each tenant, by name, has one source. */
  async start(tunnel: Backends, sources: Readonly<Record<string, object>>): Promise<Gateway> {
    const names = Object.keys(sources);
    const { backend } = tunnel;
    const sends = backend === "afxdp" ? "afxdp" : "afpacket";
    const running = await Gateway.start(this.lab, this.gateway, {
      tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4, GATEWAY.ipv6], ...tunnel },
      delivery: { interface: "delivery", backend: sends },
      decode: { sequenceScope: "tunnel" },
      sniffers: names.map((name) => ({ name, deliver: "mac", mac: MACS[name] })),
      tenants: names.map((name) => ({ name, sources: [sources[name]], sniffers: [name] })),
    });
    onTestFinished(async () => {
      await running.process.stop();
    });
    return running;
  }

  listen(name: string): Promise<Sniffer> {
    return Sniffer.start(this.lab, this.sniffers.get(`${name}-ids`)!, "eth0");
  }

  /** What the sniffer of `name` has got is what was said, and nothing else. */
  async expectGot(sniffer: Sniffer, name: string, frames: readonly Uint8Array[]): Promise<void> {
    await sniffer.has(frames.length);
    expectExactly(await sniffer.finish(), addressedTo(MACS[name]!, frames), name);
  }
}

/** Every packet was delivered, and those that came in fragments were put together. */
function expectAll(balance: Balance, count: number, inFragments: boolean): void {
  const { received, reassembled } = balance;
  expect(balance).toMatchObject({ delivered: count, drops: 0, held: 0, kernel: { dropped: 0, ringFull: 0 } });
  expect(received).toBe(count + reassembled);
  expect(reassembled > 0).toBe(inFragments);
}

describe.skipIf(lacks("tc", "bridge")).each([
  ["in whole packets", 4, 2000],
  ["over IPv6", 6, 2000],
  // Not over IPv6: what is too long for the link the device drops.
  ["in fragments", 4, 1400],
] as const)("the kernel's vxlan device, %s", (how, family, mtu) => {
  let lab: Lab;
  let scene: Scene;
  let tenant: Tenant;
  beforeAll(async () => {
    lab = new Lab();
    const site = await Site.build(lab, { host: "kernel", mtu });
    scene = await Scene.build(lab, site.gateway);
    tenant = await site.tenant({ name: "acme", number: 1 });
    const [from, to] = family === 4 ? [HOST.ipv4, GATEWAY.ipv4] : [HOST.ipv6, GATEWAY.ipv6];
    await mirrorByKernelVxlan(lab, tenant, { namespace: site.host, id: 77, from, to });
  }, TIMEOUT);
  afterAll(() => lab.close(), TIMEOUT);

  test.each(OVER_UDP)("%s", async (_, tunnel) => {
    const sniffer = await scene.listen("acme");
    const running = await scene.start(tunnel, { acme: { encapsulation: "vxlan", vni: 77 } });
    const frames = await tenant.exchange(COUNT);
    await scene.expectGot(sniffer, "acme", frames);
    // A socket gets what the kernel has put together.
    expectAll(await running.stop(), COUNT, how.includes("fragments") && tunnel.backend !== "udp");
  });
});

describe.skipIf(lacks("tc", "bridge"))(
  "the kernel's vxlan device, in a VLAN that the tenant's source names",
  () => {
    let lab: Lab;
    let site: Site;
    let scene: Scene;
    let tenant: Tenant;
    beforeAll(async () => {
      lab = new Lab();
      // Fragments, too: each has the tags.
      site = await Site.build(lab, { host: "kernel", mtu: 1500 });
      // A link has room for one tag beside its MTU (is_skb_forwardable).
      await lab.ip(site.gateway, "link set tunnel mtu 1504");
      scene = await Scene.build(lab, site.gateway);
      tenant = await site.tenant({ name: "acme", number: 1 });
      const [from, to] = [HOST.ipv4, GATEWAY.ipv4];
      await mirrorByKernelVxlan(lab, tenant, { namespace: site.host, id: 77, from, to });
    }, TIMEOUT);
    afterAll(() => lab.close(), TIMEOUT);

    const TAGS: [name: string, vlan: number, tags: [tpid: number, tci: number][]][] = [
      ["802.1Q", 9, [[0x8100, 0x6009]]],
      ["802.1ad", 5, [[0x88a8, 0x2005]]],
      [
        "802.1ad over 802.1Q",
        5,
        [
          [0x8100, 6],
          [0x88a8, 5],
        ],
      ],
    ];
    const ROWS = TAGS.flatMap((row) =>
      BACKENDS.map(([backend, tunnel]) => [...row, backend, tunnel] as const),
    );
    test.each(ROWS)("%s, VLAN %i, %j: %s", async (_, vlan, tags, __, tunnel) => {
      const [acme, globex] = [await scene.listen("acme"), await scene.listen("globex")];
      const vni = { encapsulation: "vxlan", vni: 77 };
      const running = await scene.start(tunnel, { acme: { ...vni, vlan }, globex: vni });
      // The innermost first.
      const stops = tags.map(([tpid, tci]) => pushTag(lab, site.host, "under", tci, tpid));
      for (const stop of stops) onTestFinished(stop);
      const tagged = await tenant.exchange(COUNT);
      await acme.has(COUNT);
      for (const stop of stops) stop();
      const untagged = await tenant.exchange(COUNT);
      await scene.expectGot(globex, "globex", untagged);
      await scene.expectGot(acme, "acme", tagged);
      expectAll(await running.stop(), 2 * COUNT, true);
    });
  },
);

describe.skipIf(lacks("ovs-vswitchd", "ovsdb-server", "ovs-vsctl", "bridge"))(
  "Open vSwitch behind a router whose link to the gateway is short",
  () => {
    let lab: Lab;
    let site: RoutedSite;
    let scene: Scene;
    let tenant: Tenant;
    beforeAll(async () => {
      lab = new Lab();
      site = await RoutedSite.build(lab, { mtu: 1000 });
      scene = await Scene.build(lab, site.gateway);
      tenant = await site.tenant({ name: "acme", number: 1 });
    }, TIMEOUT);
    afterAll(() => lab.close(), TIMEOUT);

    const ROWS = WAYS.flatMap((way) => BACKENDS.map(([backend, tunnel]) => [way, backend, tunnel] as const));
    test.each(ROWS)("%s: %s", async (way, _, tunnel) => {
      const source = await mirrorByOpenVSwitch(
        site.ovs,
        tenant,
        way,
        { id: 100, to: GATEWAY.ipv4 },
        { df_default: "false" },
      );
      onTestFinished(() => source.stop());
      const sniffer = await scene.listen("acme");
      const running = await scene.start(tunnel, { acme: source.claim });
      const frames = await tenant.exchange(COUNT);
      await scene.expectGot(sniffer, "acme", frames);
      expectAll(await running.stop(), COUNT, true);
    });
  },
);
