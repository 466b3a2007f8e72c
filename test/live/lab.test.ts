// The laboratory itself, before any gateway stands in it: mirror sources send what the tenants' machines sent, receivers receive
// it, and nothing is left behind.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { fixtures } from "../engine/corpus.js";
import { deliveryNetwork } from "./delivery-network.js";
import { addressedTo, expectExactly, hex } from "./exactly.js";
import { Lab } from "./lab.js";
import { decapsulated } from "./offline.js";
import { type Receiver, receiveByKernelVxlan, receiveByOpenVSwitch } from "./receivers.js";
import { lacks } from "./requirements.js";
import { GATEWAY, HOST, Site, V4, V6 } from "./site.js";
import { Sniffer } from "./sniffer.js";
import { type MirrorSource, mirrorByKernelVxlan, mirrorByOpenVSwitch, WAYS, type Way } from "./sources.js";
import { pushTag } from "./tag-pusher.js";
import type { Tenant } from "./tenant-traffic.js";
import { tunnelFrames } from "./tunnel-packets.js";
import { until } from "./until.js";

const COUNT = 200;
/** Half a second where nothing else runs. */
const TIMEOUT = 60_000;
const OVS = ["ovs-vswitchd", "ovsdb-server", "ovs-vsctl"];

/** One sniffer for each tenant, of the tenant's name. */
function mapOf(identities: Readonly<Record<string, string>>): string {
  const names = Object.keys(identities);
  const tenants = names.map(
    (name) => `  - { name: ${name}, sources: [${identities[name]}], sniffers: [${name}] }`,
  );
  return `sniffers: [${names.map((name) => `{ name: ${name} }`)}]\ntenants:\n${tenants.join("\n")}\n`;
}

/** Both tenants talk; what arrives at the gateway, taken out of its tunnels, is what they said. Gives the tunnel's packets. */
async function expectMirrored(
  site: Site,
  tenants: readonly Tenant[],
  sources: readonly Pick<MirrorSource, "identity">[],
): Promise<readonly Uint8Array[]> {
  const sniffer = await site.atGateway();
  const sent = await Promise.all(tenants.map((tenant) => tenant.exchange(COUNT)));
  await sniffer.has(COUNT * tenants.length);
  const packets = await sniffer.finish();
  const identities = Object.fromEntries(tenants.map(({ name }, i) => [name, sources[i]!.identity]));
  const { frames, counters } = await decapsulated(site.lab, sniffer.path, mapOf(identities));
  for (const [i, { name }] of tenants.entries()) expectExactly(frames.get(name)!, sent[i]!, name);
  const total = COUNT * tenants.length;
  expect(counters).toMatchObject({ delivered: total, unmapped: 0, reassembled: packets.length - total });
  return packets;
}

describe.skipIf(lacks(...OVS))("Open vSwitch mirrors two tenants with the same addresses", () => {
  let lab: Lab;
  let site: Site;
  let tenants: Tenant[];
  beforeAll(async () => {
    lab = new Lab();
    site = await Site.build(lab, { host: "open-vswitch" });
    for (const [i, name] of ["acme", "globex"].entries())
      tenants = [...(tenants ?? []), await site.tenant({ name, number: i + 1, overlapping: true })];
  }, TIMEOUT);
  afterAll(() => lab.close(), TIMEOUT);

  async function mirror(way: Way, to: string): Promise<MirrorSource[]> {
    const sources: MirrorSource[] = [];
    onTestFinished(async () => {
      for (const source of sources) await source.stop();
    });
    for (const [i, tenant] of tenants.entries())
      sources.push(await mirrorByOpenVSwitch(site.ovs, tenant, way, { id: 100 + 100 * i, to }));
    return sources;
  }

  test.each(WAYS)("over %s", async (way) => {
    await expectMirrored(site, tenants, await mirror(way, GATEWAY.ipv4));
  });

  test.each(["erspan3", "vxlan"] as const)("over %s and IPv6", async (way) => {
    await expectMirrored(site, tenants, await mirror(way, GATEWAY.ipv6));
  });

  test("behind a tag that is pushed on the way", async () => {
    const sources = await mirror("erspan2", GATEWAY.ipv4);
    onTestFinished(pushTag(lab, site.host, "under", 0x6009));
    const inVlan = sources.map(({ identity }) => ({ identity: identity.replace(" }", ", vlan: 9 }") }));
    for (const frame of await expectMirrored(site, tenants, inVlan))
      expect(Buffer.from(frame).toString("hex", 12, 16)).toBe("81006009");
  });

  test("no more when the mirror is taken away", async () => {
    const sniffer = await site.atGateway();
    for (const tenant of tenants) await tenant.exchange(20);
    expect(await sniffer.finish()).toEqual([]);
  });
});

describe.skipIf(lacks("tc"))("The kernel's vxlan device mirrors two tenants", () => {
  test.each([
    ["in whole packets", HOST.ipv4, GATEWAY.ipv4, 2000],
    ["in fragments", HOST.ipv4, GATEWAY.ipv4, 1500],
    ["over IPv6", HOST.ipv6, GATEWAY.ipv6, 2000],
  ])("%s", async (how, from, to, mtu) => {
    const lab = new Lab();
    onTestFinished(() => lab.close());
    const site = await Site.build(lab, { host: "kernel", mtu });
    const [acme, globex] = [
      await site.tenant({ name: "acme", number: 1 }),
      await site.tenant({ name: "globex", number: 2 }),
    ];
    const mirror = (tenant: Tenant, id: number) =>
      mirrorByKernelVxlan(lab, tenant, { namespace: site.host, id, from, to });
    const sources = [await mirror(acme, 77), await mirror(globex, 78)];
    const packets = await expectMirrored(site, [acme, globex], sources);
    if (how.includes("fragments")) expect(packets.length).toBeGreaterThan(2 * COUNT);
    else expect(packets.length).toBe(2 * COUNT);
  });
});

describe.skipIf(lacks("bridge"))("Frames as they are", () => {
  let lab: Lab;
  let site: Site;
  beforeAll(async () => {
    lab = new Lab();
    site = await Site.build(lab, { host: "nothing", mtu: 65_521 });
  }, TIMEOUT);
  afterAll(() => lab.close(), TIMEOUT);

  async function replayed(frames: readonly Uint8Array[], rate?: number): Promise<Sniffer> {
    const sniffer = await Sniffer.start(lab, site.gateway, "tunnel");
    const port = lab.port(site.host, "under");
    // tcpdump keeps room for the longest frame that there may be, so only for a few hundred.
    for (let from = 0; from < frames.length; from += 250) {
      const some = frames.slice(from, from + 250);
      await port.replay(some, rate === undefined ? {} : { rate });
      await sniffer.has(from + some.length);
    }
    expect((await sniffer.finish()).map(hex)).toEqual(frames.map(hex));
    return sniffer;
  }

  test("the packets of every capture, whatever they are", async () => {
    const frames = fixtures.flatMap((capture) =>
      capture.frames.filter(({ linkType }) => linkType === 1).map(({ frame }) => frame),
    );
    expect(frames.length).toBeGreaterThan(1000);
    await replayed(frames);
  });

  test("of every length from 14 bytes", async () => {
    const lengths = [...Array.from({ length: 120 }, (_, i) => 14 + i), 1514, 9014, 40_000, 65_535];
    await replayed(lengths.map((length) => Buffer.from(`0200${"5a".repeat(length - 2)}`, "hex")));
  });

  test("at a rate", async () => {
    const frames = Array.from({ length: 1000 }, (_, i) =>
      Buffer.from(`02${hex(Buffer.from([i, i >> 8])).repeat(50)}`, "hex"),
    );
    const start = performance.now();
    await replayed(frames, 5000);
    expect(performance.now() - start).toBeGreaterThan(180);
  });

  test.each([
    ["fragments", { ...V4, mtu: 576 }, ""],
    ["fragments over IPv6", { ...V6, mtu: 1280 }, ""],
    ["a tag", { ...V4, tags: [[0x8100, 0x2005]] as const }, ", vlan: 5"],
    [
      "two tags, in fragments",
      {
        ...V4,
        mtu: 576,
        tags: [
          [0x88a8, 5],
          [0x8100, 6],
        ] as const,
      },
      ", vlan: 5",
    ],
  ])("tunnel packets made by hand: %s", async (_, underlay, vlan) => {
    const tenant = await site.tenant({ name: `t${++tenantCount}`, number: tenantCount });
    const sent = WAYS.map((way) => ({ way, frames: tenant.frames(30) }));
    let sequence = 0;
    const packets = sent.flatMap(({ way, frames }, i) =>
      frames.flatMap((frame) => tunnelFrames(way, 10 + i, frame, sequence++, underlay)),
    );
    const sniffer = await replayed(packets);
    const id = { erspan2: "session", erspan3: "session", gre: "key", vxlan: "vni", geneve: "vni" };
    const identities = WAYS.map((way, i) => [
      way,
      `{ encapsulation: ${way.replace(/\d/, "")}, ${id[way]}: ${10 + i}${vlan} }`,
    ]);
    const { frames } = await decapsulated(lab, sniffer.path, mapOf(Object.fromEntries(identities)));
    for (const { way, frames: wanted } of sent) expectExactly(frames.get(way)!, wanted, way);
  });
  let tenantCount = 0;

  test("each sniffer behind the delivery network gets what is addressed to it", async () => {
    const hosts = ["one", "two", "three"].map((name) => ({ name, mac: lab.mac() }));
    const end = { namespace: site.gateway, name: "delivery", silent: true };
    const { namespaces } = await deliveryNetwork(lab, end, hosts);
    const sniffers = [];
    for (const { name } of hosts) sniffers.push(await Sniffer.start(lab, namespaces.get(name)!, "eth0"));
    const tenant = await site.tenant({ name: "delivered", number: 9 });
    const frames = hosts.map(({ mac }) => addressedTo(mac, tenant.frames(100)));
    const inTurn = Array.from({ length: 300 }, (_, i) => frames[i % 3]![Math.floor(i / 3)]!);
    await lab.port(site.gateway, "delivery").replay(inTurn);
    for (const [i, sniffer] of sniffers.entries()) {
      await sniffer.has(100);
      expectExactly(await sniffer.finish(), frames[i]!, hosts[i]!.name);
    }
  });
});

describe.skipIf(lacks(...OVS))("Receivers take frames out of tunnels", () => {
  let lab: Lab;
  let site: Site;
  let tenant: Tenant;
  beforeAll(async () => {
    lab = new Lab();
    // The host's Open vSwitch is the receiver here, and the sender is a raw port at the gateway's place.
    site = await Site.build(lab, { host: "open-vswitch" });
    tenant = await site.tenant({ name: "acme", number: 1 });
  }, TIMEOUT);
  afterAll(() => lab.close(), TIMEOUT);
  const underlay = { from: GATEWAY.ipv4, to: HOST.ipv4, fromMac: GATEWAY.mac, toMac: HOST.mac };

  async function expectReceived(
    { sniffer, stop }: Receiver,
    way: Way,
    id: number,
    from: string,
    name: string,
  ) {
    onTestFinished(stop);
    const frames = tenant.frames(COUNT);
    const packets = frames.flatMap((frame, i) => tunnelFrames(way, id, frame, i, underlay));
    await lab.port(from, name).replay(packets, { rate: 2000 });
    await sniffer.has(COUNT);
    expectExactly(await sniffer.stop(), frames, way);
  }

  test.each(WAYS)("Open vSwitch: %s", async (way) => {
    const receiver = await receiveByOpenVSwitch(lab, site.ovs, way, { id: 55, from: GATEWAY.ipv4 });
    await expectReceived(receiver, way, 55, site.gateway, "tunnel");
  });

  test("the kernel's vxlan device", async () => {
    const namespace = await lab.namespace("vxlan-host");
    await lab.link(
      { namespace, name: "eth0", mac: HOST.mac, addresses: [`${HOST.ipv4}/24`] },
      { namespace: site.gateway, name: "other", silent: true },
    );
    const receiver = await receiveByKernelVxlan(lab, namespace, {
      id: 77,
      from: GATEWAY.ipv4,
      at: HOST.ipv4,
    });
    await expectReceived(receiver, "vxlan", 77, site.gateway, "other");
  });
});

describe.skipIf(lacks())("A laboratory", () => {
  test("answers every stray packet with ICMP, so that one reply too many is seen", async () => {
    const lab = new Lab();
    onTestFinished(() => lab.close());
    const site = await Site.build(lab, { host: "nothing" });
    const filter = "icmp[icmptype] == 3 or icmp6[icmp6type] == 1 or icmp6[icmp6type] == 4";
    const replies = await Sniffer.start(lab, site.gateway, "tunnel", { direction: "out", filter });
    const inner = Buffer.alloc(60, 2);
    const packets = [V4, V6].flatMap((between) =>
      (["gre", "erspan2", "vxlan"] as const).flatMap((way) =>
        Array.from({ length: 100 }, (_, i) => tunnelFrames(way, 5, inner, i, between)).flat(),
      ),
    );
    const port = lab.port(site.host, "under");
    // The kernel answers with a socket that has room for a few hundred replies under way.
    for (let from = 0; from < packets.length; from += 50) {
      await port.replay(packets.slice(from, from + 50));
      await replies.has(from + 50);
    }
    expect((await replies.finish()).length).toBe(600);
  });

  test("gives interfaces their queues, and leaves on the offloads that are asked for", async () => {
    const lab = new Lab();
    onTestFinished(() => lab.close());
    const site = await Site.build(lab, { host: "kernel", queues: 2, offloads: ["rxvlan", "txvlan"] });
    expect(await lab.run(site.gateway, "ls", ["/sys/class/net/tunnel/queues"])).toBe(
      "rx-0\nrx-1\ntx-0\ntx-1\n",
    );
    const features = await lab.run(site.gateway, "ethtool", ["-k", "tunnel"]);
    expect(features).toMatch(/^rx-vlan-offload: on/m);
    expect(features).toMatch(/^generic-receive-offload: off/m);
  });

  test("says what a command said that failed, and of a process that it never was ready", async () => {
    const lab = new Lab();
    onTestFinished(() => lab.close());
    const namespace = await lab.namespace("a");
    await expect(lab.ip(namespace, "link set nothing up")).rejects.toThrow(/Cannot find device/);
    const start = lab.start(namespace, "sh", ["-c", "echo no luck; exit 3"], { ready: /ready/ });
    await expect(start).rejects.toThrow(/has ended:\nno luck/);
    const stubborn = await lab.start(
      namespace,
      "sh",
      ["-c", "trap '' TERM; echo ready; while :; do sleep 1; done"],
      {
        ready: /ready/,
      },
    );
    expect(await stubborn.stop("SIGTERM", 100)).toEqual({ code: null, signal: "SIGKILL" });
  });

  test("says what is left when it is closed", async () => {
    const another = new Lab();
    const left = `${another.directory}-left`;
    mkdirSync(left);
    onTestFinished(() => rmSync(left, { recursive: true }));
    await expect(another.close()).rejects.toThrow(`Not cleaned up: directory ${left}`);
  });

  test("leaves nothing behind when its test is killed", async () => {
    const folder = mkdtempSync(join(tmpdir(), "spangate-killed-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const told = join(folder, "told.json");
    const vitest = `import { startVitest } from "vitest/node";
      await startVitest("test", [], { config: false, watch: false, include: ["test/live/killed.ts"] });`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", vitest], {
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
      env: { ...process.env, SPANGATE_KILLED: told },
      stdio: "ignore",
    });
    await once(child, "close");
    const { pid, has } = JSON.parse(readFileSync(told, "utf8")) as { pid: number; has: string[] };
    // Two namespaces, a directory; tcpdump, the shell and its child.
    expect(has.length).toBe(6);
    const isGone = () => Lab.leftovers(pid).length === 0;
    await until(isGone, () => `the end of ${Lab.leftovers(pid)}`);
  });
});
