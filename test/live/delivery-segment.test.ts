// Delivery on the sniffer's own segment, to real receivers: a switch that gives a VLAN's frames to a port, and a host whose own socket
// gets the datagrams, while nothing of it answers the tenant.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { missing, tshark } from "../capture/programs.js";
import { addressedTo, expectExactly } from "./exactly.js";
import { type Balance, Gateway } from "./gateway.js";
import { Lab } from "./lab.js";
import { OpenVSwitch } from "./open-vswitch.js";
import { lacks } from "./requirements.js";
import type { Running } from "./running.js";
import { GATEWAY, Site, V4 } from "./site.js";
import { Sniffer } from "./sniffer.js";
import type { Kind } from "./tenant-frames.js";
import type { Tenant } from "./tenant-traffic.js";
import { tunnelFrames } from "./tunnel-packets.js";
import { until } from "./until.js";

const README = fileURLToPath(new URL("../../README.md", import.meta.url));
const COUNT = 100;
const TIMEOUT = 30_000;
const VLAN = 210;
const MAC = "02:00:00:00:0a:01";
const BACKENDS = ["afxdp", "afpacket"];

function start({ lab, gateway }: Site, backend: string, words: object): Promise<Gateway> {
  return Gateway.start(lab, gateway, {
    tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], backend },
    delivery: { interface: "delivery", backend },
    sniffers: [{ name: "ids", mac: MAC, ...words }],
    tenants: [{ name: "acme", sources: [{ encapsulation: "erspan", session: 100 }], sniffers: ["ids"] }],
  });
}

async function send({ lab, host }: Site, frames: readonly Uint8Array[]): Promise<void> {
  const packets = frames.flatMap((frame, i) => tunnelFrames("erspan2", 100, frame, i, V4));
  await lab.port(host, "under").replay(packets, { rate: 2000 });
}

function expectSent(balance: Balance, count: number): void {
  expect(balance).toMatchObject({ received: count, delivered: count, drops: 0 });
  expect(balance.sniffers.ids).toMatchObject({ offered: count, sent: count });
}

describe.skipIf(lacks("ovs-vswitchd", "ovsdb-server", "ovs-vsctl"))("a VLAN of the sniffer's switch", () => {
  let lab: Lab;
  let site: Site;
  let tenant: Tenant;
  let behind: Record<"tagged" | "other", string>;
  let network: string;
  beforeAll(async () => {
    lab = new Lab();
    site = await Site.build(lab, { host: "nothing" });
    tenant = await site.tenant({ name: "acme", number: 1 });
    network = await lab.namespace("switch");
    await lab.link(
      { namespace: site.gateway, name: "delivery", silent: true },
      { namespace: network, name: "trunk", silent: true },
    );
    behind = { tagged: await lab.namespace("tagged"), other: await lab.namespace("other") };
    for (const [name, namespace] of Object.entries(behind))
      await lab.link(
        { namespace, name: "eth0", silent: true },
        { namespace: network, name: `to-${name}`, silent: true },
      );
    const ovs = await OpenVSwitch.start(lab, network);
    await ovs.bridge("br0", ["trunk", "to-tagged", "to-other"]);
    await ovs.vsctl("set", "port", "to-tagged", `tag=${VLAN}`, "--", "set", "port", "to-other", "tag=211");
    await ovs.settle();
  }, TIMEOUT);
  afterAll(() => lab.close(), TIMEOUT);

  test.each(BACKENDS)(
    "%s: its port gets the frames, without the tag, and no other port does",
    async (backend) => {
      const [tagged, other] = [
        await Sniffer.start(lab, behind.tagged, "eth0"),
        await Sniffer.start(lab, behind.other, "eth0"),
      ];
      const wire = await Sniffer.start(lab, network, "trunk");
      const gateway = await start(site, backend, { deliver: "mac", vlan: VLAN });
      const frames = tenant.frames(COUNT);
      await send(site, frames);
      await tagged.has(COUNT);
      expectSent(await gateway.stop(), COUNT);
      expectExactly(await tagged.stop(), addressedTo(MAC, frames), "the VLAN's port");
      expect(await other.finish()).toEqual([]);
      await wire.stop();
      if (missing("tshark")) return;
      const seen = tshark(wire.path, ["eth.dst", "vlan.id", "_ws.malformed"]);
      expect(seen).toHaveLength(COUNT);
      for (const [mac, vlan, malformed] of seen)
        expect([mac, vlan!.split(",")[0], malformed]).toEqual([MAC, String(VLAN), ""]);
    },
  );
});

describe.skipIf(lacks())("a host that takes the packets as its own", () => {
  const ADDRESSES = { 4: "198.51.100.9", 6: "2001:db8:99::9" } as const;
  let lab: Lab;
  let site: Site;
  let tenant: Tenant;
  let host: string;
  beforeAll(async () => {
    lab = new Lab();
    site = await Site.build(lab, { host: "nothing" });
    tenant = await site.tenant({ name: "acme", number: 1 });
    host = await lab.namespace("ids", { ipv6: true });
    const addresses = [`${ADDRESSES[4]}/24`, `${ADDRESSES[6]}/64`];
    await lab.link(
      { namespace: site.gateway, name: "delivery", silent: true },
      { namespace: host, name: "eth0", mac: MAC, addresses },
    );
    // It could answer: it has a way to everybody.
    const router = lab.mac();
    for (const [via, rest] of [
      ["198.51.100.1", "0.0.0.0/0"],
      ["2001:db8:99::1", "::/0"],
    ])
      await lab.ip(
        host,
        `neigh replace ${via} lladdr ${router} dev eth0`,
        `route add ${rest} via ${via} dev eth0`,
      );
  }, TIMEOUT);
  afterAll(() => lab.close(), TIMEOUT);

  /** As the README has it. */
  async function silence(): Promise<void> {
    const [, lines] = /<!-- silence -->\n```\n([^`]*)```/.exec(readFileSync(README, "utf8"))!;
    await lab.run(host, "sh", ["-e"], lines);
    onTestFinished(async () => {
      await lab.run(host, "ip", ["rule", "del", "pref", "10"]);
      await lab.run(host, "ip", ["-6", "rule", "del", "pref", "10"]);
    });
  }
  const answers = () =>
    Sniffer.start(lab, host, "eth0", { direction: "out", filter: "icmp or (icmp6 and ip6[40] < 128)" });

  /** The host's program: prints each datagram that its socket gets. */
  function listen(family: 4 | 6): Promise<Running> {
    const program = `const s = require("node:dgram").createSocket("udp${family}");
      s.on("message", (m) => console.log("got", m.toString("hex"))).bind(443, "${ADDRESSES[family]}", () => console.log("listens"));`;
    return lab.start(host, process.execPath, ["-e", program], { ready: /listens/ });
  }

  const ROWS = BACKENDS.flatMap((backend) => [
    [backend, 4, "udp", 42] as const,
    [backend, 6, "udp-ipv6", 62] as const,
  ]);
  test.each(ROWS)("%s, IPv%i: its socket gets every datagram", async (backend, family, kind, headers) => {
    const gateway = await start(site, backend, { deliver: "ip", ip: ADDRESSES[family] });
    const [socket, errors] = [await listen(family), await answers()];
    const frames = tenant.frames(COUNT, { kinds: [kind as Kind], lengths: [90, 333, 1000, 1514] });
    await send(site, frames);
    const got = () => [...socket.stdout.matchAll(/got (\w*)/g)].map(([, hex]) => hex);
    await until(
      () => got().length >= COUNT,
      () => `${COUNT} datagrams; ${got().length} came`,
    );
    expectSent(await gateway.stop(), COUNT);
    expect(got()).toEqual(frames.map((frame) => Buffer.from(frame.subarray(headers)).toString("hex")));
    await socket.stop();
    expect(await errors.finish()).toEqual([]);
  });

  test.each(ROWS)(
    "%s, IPv%i: without a socket it answers the tenant, until it is silenced",
    async (backend, family, kind) => {
      const gateway = await start(site, backend, { deliver: "ip", ip: ADDRESSES[family] });
      const before = await answers();
      await send(site, tenant.frames(COUNT, { kinds: [kind as Kind] }));
      await before.has(1);
      await before.stop();
      await silence();
      const after = await answers();
      const counter = family === 4 ? "UdpNoPorts" : "Udp6NoPorts";
      const refused = async () =>
        Number(/(\d+)/.exec((await lab.run(host, "nstat", ["-asz", counter])).split(counter)[1]!)![1]);
      const earlier = await refused();
      await send(site, tenant.frames(COUNT, { kinds: [kind as Kind] }));
      await until(
        async () => (await refused()) >= earlier + COUNT,
        () => "the host to look for a socket in vain",
      );
      expect(await after.finish()).toEqual([]);
      expectSent(await gateway.stop(), 2 * COUNT);
    },
  );
});
