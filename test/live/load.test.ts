// What may go wrong on the way out, and much of everything: links that go down, queues that are full, many sniffers, many sessions,
// several workers. Whatever happens, the accounts hold and nobody gets what is another's.

import { describe, expect, onTestFinished, test } from "vitest";
import { TURN } from "../../src/capture/libpcap.js";
import { deliveryNetwork } from "./delivery-network.js";
import { Gateway } from "./gateway.js";
import { Lab } from "./lab.js";
import { lacks, lacksCap } from "./requirements.js";
import { GATEWAY, Site, V4 } from "./site.js";
import { Sniffer } from "./sniffer.js";
import { tunnelFrames } from "./tunnel-packets.js";

const MAC = "02:00:00:00:0a:01";

async function site(queues = 1): Promise<Site> {
  const lab = new Lab();
  onTestFinished(() => lab.close());
  return Site.build(lab, { host: "nothing", queues });
}

const end = ({ gateway }: Site) => ({ namespace: gateway, name: "delivery", silent: true });
const mac = (i: number) => `02:00:00:01:${hex(i >> 8)}:${hex(i & 0xff)}`;
const hex = (byte: number) => byte.toString(16).padStart(2, "0");

function configuration(queues: number, sniffers: readonly object[], sessions: readonly number[][]) {
  return {
    tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], backend: "afxdp", queues },
    delivery: { interface: "delivery" },
    sniffers: sniffers.map((words, i) => ({ name: `s${i}`, deliver: "mac", ...words })),
    tenants: sessions.map((list, i) => ({
      name: `t${i}`,
      sources: list.map((session) => ({ encapsulation: "erspan", session })),
      sniffers: [`s${i}`],
    })),
  };
}

describe.skipIf(lacks("bridge"))("the accounts hold", () => {
  test("when the delivery link goes down and comes back", async () => {
    const where = await site();
    const { lab } = where;
    const network = await deliveryNetwork(lab, end(where), [{ name: "ids", mac: MAC }]);
    const tenant = await where.tenant({ name: "acme", number: 1 });
    const gateway = await Gateway.start(lab, where.gateway, configuration(1, [{ mac: MAC }], [[1]]));
    // At the other end of the cable: the switch behind it takes a moment to believe that the link is there again.
    const { namespace, name } = network.uplink;
    const sniffer = await Sniffer.start(lab, namespace, name, {
      direction: "in",
      filter: `ether dst ${MAC}`,
    });
    const port = lab.port(where.host, "under");
    const packets = tenant.frames(300).map((frame, i) => tunnelFrames("erspan2", 1, frame, i, V4)[0]!);
    await port.replay(packets.slice(0, 100), { rate: 2000 });
    await sniffer.has(100);
    await lab.ip(where.gateway, "link set delivery down");
    await port.replay(packets.slice(100, 200), { rate: 2000 });
    await lab.ip(where.gateway, "link set delivery up");
    await port.replay(packets.slice(200), { rate: 2000 });
    await sniffer.has(200);
    const balance = await gateway.stop();
    expect(balance.received).toBe(300);
    expect(balance.sniffers.s0!.offered).toBe(300);
    const got = await sniffer.finish();
    expect(got.length).toBe(balance.sniffers.s0!.sent);
  });

  test("when a sniffer has more than its rate and another does not", async () => {
    const where = await site();
    const { lab } = where;
    const hosts = [0, 1].map((i) => ({ name: `ids${i}`, mac: mac(i) }));
    const network = await deliveryNetwork(lab, end(where), hosts);
    const tenant = await where.tenant({ name: "acme", number: 1 });
    const sniffers = [{ mac: mac(0), rate: "100kbit" }, { mac: mac(1) }];
    const gateway = await Gateway.start(lab, where.gateway, configuration(1, sniffers, [[1], [2]]));
    const free = await Sniffer.start(lab, network.namespaces.get("ids1")!, "eth0");
    const packets = tenant
      .frames(400)
      .flatMap((frame, i) => [1, 2].flatMap((session) => tunnelFrames("erspan2", session, frame, i, V4)));
    await lab.port(where.host, "under").replay(packets, { rate: 4000 });
    await free.has(400);
    const balance = await gateway.stop();
    expect(await free.finish()).toHaveLength(400);
    expect(balance.sniffers.s0!.rate).toBeGreaterThan(0);
    expect(balance.sniffers.s1).toMatchObject({ offered: 400, sent: 400 });
    expect(balance.counters.rate).toBe(balance.sniffers.s0!.rate);
  });

  test("with two queues and two workers", async () => {
    const where = await site(2);
    const { lab } = where;
    const network = await deliveryNetwork(lab, { ...end(where), queues: 2 }, [{ name: "ids", mac: MAC }]);
    const tenant = await where.tenant({ name: "acme", number: 1 });
    const gateway = await Gateway.start(lab, where.gateway, configuration(2, [{ mac: MAC }], [[1]]));
    const sniffer = await Sniffer.start(lab, network.namespaces.get("ids")!, "eth0");
    const packets = tenant.frames(500).flatMap((frame, i) => tunnelFrames("erspan2", 1, frame, i, V4));
    await lab.port(where.host, "under").replay(packets, { rate: 4000 });
    await sniffer.has(500);
    const balance = await gateway.stop();
    expect(await sniffer.finish()).toHaveLength(500);
    expect(balance).toMatchObject({ received: 500, delivered: 500 });
  });

  test.skipIf(lacksCap())("when libpcap has more than the main thread can take in its turn", async () => {
    const where = await site();
    const { lab } = where;
    await deliveryNetwork(lab, end(where), [{ name: "ids", mac: MAC }]);
    const config = configuration(1, [{ mac: MAC }], [[1]]);
    const gateway = await Gateway.start(lab, where.gateway, {
      ...config,
      tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], backend: "libpcap" },
    });
    const port = lab.port(where.host, "under");
    const [packet] = tunnelFrames("erspan2", 1, new Uint8Array(60), 0, V4);
    let sent = 0;
    const send = async (count: number) => {
      sent += await port.replay(Array.from({ length: count }, () => packet!));
    };
    // What comes while nobody takes it just fits into the ring; what comes beside while it is taken makes the turn too long.
    for (let lost = 0; lost === 0 && sent < 20 * TURN; lost = (await gateway.status()).kernel.ringFull) {
      gateway.process.kill("SIGSTOP");
      await send(TURN - 100);
      gateway.process.kill("SIGCONT");
      await send(TURN);
    }
    const { received, kernel } = await gateway.stop();
    expect(kernel.ringFull).toBeGreaterThan(0);
    expect(received + kernel.ringFull).toBe(sent);
  });

  test("with ten thousand sniffers", async () => {
    const where = await site();
    const { lab } = where;
    const count = 10_000;
    const namespace = await lab.namespace("sniffers");
    await lab.link(end(where), { namespace, name: "cable", silent: true });
    const sniffer = await Sniffer.start(lab, namespace, "cable");
    const all = Array.from({ length: count }, (_, i) => i);
    const config = {
      ...configuration(1, [], []),
      sniffers: all.map((i) => ({ name: `s${i}`, deliver: "mac", mac: mac(i) })),
      tenants: all.map((i) => ({
        name: `t${i}`,
        sources: [{ encapsulation: "vxlan", vni: i }],
        sniffers: [`s${i}`],
      })),
    };
    const gateway = await Gateway.start(lab, where.gateway, config);
    const tenant = await where.tenant({ name: "acme", number: 1 });
    const inner = tenant.frames(1)[0]!;
    const chosen = all.filter((i) => i % 20 === 0);
    const packets = chosen.flatMap((i) => tunnelFrames("vxlan", i, inner, 0, V4));
    await lab.port(where.host, "under").replay(packets, { rate: 2000 });
    await sniffer.has(chosen.length);
    const balance = await gateway.stop();
    const macs = (await sniffer.finish()).map((frame) => Buffer.from(frame).toString("hex", 0, 6));
    expect(macs).toEqual(chosen.map((i) => mac(i).replaceAll(":", "")));
    expect(balance).toMatchObject({ delivered: chosen.length, drops: 0 });
  });
});
