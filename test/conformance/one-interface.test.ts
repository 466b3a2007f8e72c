// A gateway with one interface: tunnels come in by it, and copies go out by it. What it sends it must never take again, also when it is
// mirrored in its turn.
//
//   host ──────┐
//   192.0.2.1  ├── switch ════════ nic ── gateway
//   ids  ──────┘                192.0.2.2
//   192.0.2.9

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type DeliveryNetwork, deliveryNetwork } from "../live/delivery-network.js";
import { addressedTo, expectExactly } from "../live/exactly.js";
import { Gateway } from "../live/gateway.js";
import { Lab } from "../live/lab.js";
import { receiveByKernelVxlan } from "../live/receivers.js";
import { lacks } from "../live/requirements.js";
import { addressesOf, GATEWAY, HOST, Site, V4 } from "../live/site.js";
import { Sniffer } from "../live/sniffer.js";
import { everyClaim, WAYS } from "../live/sources.js";
import { Tenant } from "../live/tenant-traffic.js";
import { tunnelFrames } from "../live/tunnel-packets.js";
import { until } from "../live/until.js";
import { ICMP } from "./place.js";

const TIMEOUT = 60_000;
const COUNT = 100;
const IDS = { ipv4: "192.0.2.9", ipv6: "2001:db8:77::9", mac: "02:00:00:00:0a:01" };
/** Of the tunnel that brings back what `ids` has got. */
const BACK = 99;

const BACKENDS: [name: string, tunnel: { backend: string; xdp?: string }, says: RegExp][] = [
  ["afxdp, native", { backend: "afxdp", xdp: "native" }, /^afxdp, in the driver/],
  ["afxdp, skb", { backend: "afxdp", xdp: "skb" }, /^afxdp, on socket buffers/],
  ["afpacket", { backend: "afpacket" }, /^afpacket/],
];

describe.skipIf(lacks("bridge", "ping", "tc")).each(BACKENDS)("%s", (_, tunnel, says) => {
  let lab: Lab;
  let gateway: string;
  let host: string;
  let ids: string;
  let uplink: DeliveryNetwork["uplink"];
  let tenant: Tenant;
  let errors: Sniffer;
  let sequence = 0;

  beforeAll(async () => {
    lab = new Lab();
    gateway = await lab.namespace("gateway", { ipv6: true });
    const nic = { namespace: gateway, name: "nic", mac: GATEWAY.mac, addresses: addressesOf(GATEWAY) };
    const network = await deliveryNetwork(lab, nic, [
      { name: "host", mac: HOST.mac, addresses: addressesOf(HOST) },
      { name: "ids", mac: IDS.mac, addresses: addressesOf(IDS) },
    ]);
    host = network.namespaces.get("host")!;
    ids = network.namespaces.get("ids")!;
    uplink = network.uplink;
    tenant = await Tenant.plugIn(lab, { name: "acme", number: 1, switch: host });
    errors = await Sniffer.start(lab, gateway, "nic", { direction: "out", filter: ICMP });
  }, TIMEOUT);
  afterAll(() => lab.close(), TIMEOUT);

  function start(words: object, { delivery = {} }: { delivery?: object } = {}): Promise<Gateway> {
    return Gateway.forTest(lab, gateway, {
      tunnel: { interface: "nic", addresses: [GATEWAY.ipv4, GATEWAY.ipv6], ...tunnel },
      delivery: { mtu: 1900, backend: tunnel.backend, ...delivery },
      sniffers: [{ name: "ids", ...words }],
      tenants: [
        {
          name: "acme",
          sources: [...everyClaim(100), { encapsulation: "vxlan", vni: BACK }],
          sniffers: ["ids"],
        },
      ],
    });
  }
  const byMac = { deliver: "mac", mac: IDS.mac };
  const byVxlan = { deliver: "vxlan", vni: 77, to: IDS.ipv4 };

  function mirrored(count: number): { frames: Uint8Array[]; packets: Uint8Array[] } {
    const frames = tenant.frames(count);
    const packets = frames.flatMap((frame, i) =>
      tunnelFrames(WAYS[i % WAYS.length]!, 100, frame, sequence++, V4),
    );
    return { frames, packets };
  }
  const send = (packets: readonly Uint8Array[]) => lab.port(host, "eth0").replay(packets, { rate: 2000 });
  /** Nothing that a host says by itself. */
  const listen = (namespace: string) =>
    Sniffer.start(lab, namespace, "eth0", {
      filter: `not ether src ${GATEWAY.mac} and not ether src ${IDS.mac} and not ether src ${HOST.mac}`,
    });

  /** What `ids` gets is mirrored in its turn, by the kernel, to the gateway. */
  async function mirrorBack(): Promise<void> {
    await lab.ip(
      ids,
      `neigh replace ${GATEWAY.ipv4} lladdr ${GATEWAY.mac} dev eth0 nud permanent`,
      `link add back type vxlan id ${BACK} dstport 4789 local ${IDS.ipv4} remote ${GATEWAY.ipv4} nolearning`,
      "link set back arp off multicast off up",
    );
    onTestFinished(async () => {
      await lab.run(ids, "tc", ["qdisc", "del", "dev", "eth0", "clsact"]);
      await lab.ip(ids, "link del back", `neigh del ${GATEWAY.ipv4} dev eth0`);
    });
    const lines = [
      "qdisc add dev eth0 clsact",
      "filter add dev eth0 ingress protocol all prio 1 u32 match u32 0 0 action mirred egress mirror dev back",
    ];
    await lab.run(ids, "tc", ["-batch", "-"], `${lines.join("\n")}\n`);
  }

  test.each([
    ["is named twice", { delivery: { interface: "nic" } }],
    ["is named once", { delivery: {} }],
  ])("the interface %s: in, out, and nobody else's", async (_, more) => {
    const [running, sniffer, bystander] = [await start(byMac, more), await listen(ids), await listen(host)];
    expect(running.description).toMatch(says);
    expect(running.description).toMatch(/; what arrives at the delivery interface reaches the host: nic is /);
    const { frames, packets } = mirrored(COUNT);
    await send(packets);
    await sniffer.has(COUNT);
    const balance = await running.stop();
    expectExactly(await sniffer.finish(), addressedTo(IDS.mac, frames), "ids");
    expect(await bystander.finish()).toEqual([]);
    expect(balance).toMatchObject({
      received: COUNT,
      delivered: COUNT,
      drops: 0,
      kernel: { dropped: 0, ringFull: 0 },
    });
    expect((await errors.flush()).length).toBe(0);
  });

  test("leaves ARP, neighbour discovery and ping to the kernel, while packets come and go", async () => {
    const [running, sniffer] = [await start(byMac), await listen(ids)];
    const { frames, packets } = mirrored(4 * COUNT);
    const sending = send(packets);
    await lab.ip(host, "neigh flush dev eth0");
    for (const to of [GATEWAY.ipv4, GATEWAY.ipv6])
      expect(await lab.run(host, "ping", ["-c", "3", "-i", "0.05", "-W", "5", to])).toMatch(
        / 0% packet loss/,
      );
    await sending;
    await sniffer.has(frames.length);
    expect(await running.stop()).toMatchObject({ received: frames.length, delivered: frames.length });
    expectExactly(await sniffer.finish(), addressedTo(IDS.mac, frames), "ids");
    expect((await errors.flush()).length).toBe(0);
  });

  test("to a sniffer in a tunnel, whose next hop is found by the same interface", async () => {
    await lab.ip(gateway, "neigh flush dev nic");
    const { sniffer, stop } = await receiveByKernelVxlan(lab, ids, {
      id: 77,
      from: GATEWAY.ipv4,
      at: IDS.ipv4,
    });
    onTestFinished(stop);
    const running = await start(byVxlan);
    const { frames, packets } = mirrored(COUNT);
    await send(packets);
    await sniffer.has(COUNT);
    expect(await running.stop()).toMatchObject({ received: COUNT, delivered: COUNT, drops: 0 });
    expectExactly(await sniffer.stop(), frames, "ids");
  });

  test.each([
    ["mac", byMac],
    ["vxlan", byVxlan],
  ])("what it delivers by %s and is mirrored again is a loop, once", async (_, words) => {
    const running = await start(words);
    await mirrorBack();
    await send(mirrored(COUNT).packets);
    await running.has({ received: 2 * COUNT });
    const balance = await running.stop();
    expect(balance).toMatchObject({ received: 2 * COUNT, delivered: COUNT, drops: COUNT });
    expect(balance.counters.loop).toBe(COUNT);
  });

  test("what it has sent and a switch gives it back is nobody's", async () => {
    const [running, sniffer] = [await start(byMac), await listen(ids)];
    const { frames, packets } = mirrored(COUNT);
    await send(packets);
    const { namespace, name } = uplink;
    await lab.port(namespace, name).replay(await sniffer.has(COUNT), { rate: 2000 });
    // Behind them, so that they are through when this is.
    const last = mirrored(1);
    await send(last.packets);
    await sniffer.has(COUNT + 1);
    expect(await running.stop()).toMatchObject({ received: COUNT + 1, delivered: COUNT + 1 });
    expectExactly(await sniffer.finish(), addressedTo(IDS.mac, [...frames, ...last.frames]), "ids");
  });

  test("the interface goes down and comes back", async () => {
    const [running, sniffer] = [await start(byMac), await listen(ids)];
    const before = mirrored(COUNT);
    await send(before.packets);
    await sniffer.has(COUNT);
    await lab.ip(gateway, "link set nic down", "link set nic up");
    const answers = () =>
      lab.run(host, "ping", ["-c", "1", "-W", "1", GATEWAY.ipv4]).then(
        () => true,
        () => false,
      );
    await until(answers, () => "an answer to a ping");
    const after = mirrored(COUNT);
    await send(after.packets);
    await sniffer.has(2 * COUNT);
    const balance = await running.stop();
    expectExactly(await sniffer.finish(), addressedTo(IDS.mac, [...before.frames, ...after.frames]), "ids");
    expect(balance).toMatchObject({ received: 2 * COUNT, delivered: 2 * COUNT, drops: 0 });
  });
});

describe.skipIf(lacks())("several queues of one interface", () => {
  test.each([
    ["afxdp, native", { backend: "afxdp", xdp: "native" }],
    ["afpacket", { backend: "afpacket" }],
  ])("%s: each worker receives and sends by its own", async (_, tunnel) => {
    const lab = new Lab();
    onTestFinished(() => lab.close());
    const site = await Site.build(lab, { host: "nothing", queues: 2 });
    const tenant = await site.tenant({ name: "acme", number: 1 });
    const running = await Gateway.start(lab, site.gateway, {
      tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], queues: 2, ...tunnel },
      sniffers: [{ name: "ids", deliver: "mac", mac: IDS.mac }],
      tenants: [{ name: "acme", sources: [{ encapsulation: "vxlan", vni: 100 }], sniffers: ["ids"] }],
    });
    const sniffer = await Sniffer.start(lab, site.host, "under", { filter: `not ether src ${GATEWAY.mac}` });
    const frames = tenant.frames(4 * COUNT);
    const packets = frames.flatMap((frame, i) =>
      tunnelFrames("vxlan", 100, frame, i, { ...V4, from: `192.0.2.${10 + (i % 100)}` }),
    );
    await lab.port(site.host, "under").replay(packets, { rate: 2000 });
    await sniffer.has(frames.length);
    const balance = await running.stop();
    expectExactly(await sniffer.finish(), addressedTo(IDS.mac, frames), "ids", { ordered: false });
    expect(balance).toMatchObject({ received: frames.length, delivered: frames.length });
    expect(Math.min(...balance.workers.map(({ received }) => received!))).toBeGreaterThan(0);
  });
});
