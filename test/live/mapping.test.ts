// The map of a running gateway under change: by its file, by a signal, by the control API. Sniffers come and go, what is queued for them
// is sent, and no packet ever goes by two maps.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { formatMac } from "../../src/config/addresses.js";
import type { Asked } from "../../src/control/client.js";
import { addressedTo, expectExactly } from "./exactly.js";
import { Gateway } from "./gateway.js";
import { Lab } from "./lab.js";
import { lacks } from "./requirements.js";
import { GATEWAY, Site, V4 } from "./site.js";
import { Sniffer } from "./sniffer.js";
import { numberOf } from "./tenant-frames.js";
import type { Tenant } from "./tenant-traffic.js";
import { tunnelFrames } from "./tunnel-packets.js";
import { pause, until } from "./until.js";

const macOf = (last: number) => formatMac(Uint8Array.of(2, 0, 0, 0, 0x0a, last));
const put = (body: unknown): Asked => ({ method: "PUT", body });
const REMOVE: Asked = { method: "DELETE" };
const TAG_AT = 12;

const acme = { name: "acme", sources: [{ encapsulation: "erspan", session: 1 }], sniffers: ["acme-ids"] };
const acmeIds = { name: "acme-ids", deliver: "mac", mac: macOf(1) };
const globex = { sources: [{ encapsulation: "erspan", session: 2 }], sniffers: ["globex-ids"] };
const globexIds = { deliver: "mac", mac: macOf(2) };

describe.skipIf(lacks()).each([
  ["afxdp", 1],
  ["afpacket", 2],
] as const)("%s, %i workers", (backend, queues) => {
  let lab: Lab;
  let site: Site;
  let tenant: Tenant;
  let namespace: string;
  let sequence = 0;
  beforeEach(async () => {
    lab = new Lab();
    site = await Site.build(lab, { host: "nothing", queues });
    tenant = await site.tenant({ name: "acme", number: 1 });
    namespace = await site.deliveryCable();
  });
  afterEach(() => lab.close());

  const base = () => ({
    tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], backend, queues },
    delivery: { interface: "delivery" },
  });
  const first = () => ({ ...base(), sniffers: [acmeIds], tenants: [acme] });
  const packetOf = (session: number, frame: Uint8Array) =>
    tunnelFrames("erspan2", session, frame, sequence++, V4)[0]!;
  const listen = () => Sniffer.start(lab, namespace, "cable");
  const isAtMap = (generation: number) => (gateway: Gateway) =>
    until(
      async () => (await gateway.status()).map.generation === generation || undefined,
      () => `map ${generation}. ${gateway.process.output}`,
    );

  /** Packets of both sessions, and where they are to arrive: nowhere where there is no MAC. */
  async function expectTo(
    gateway: Gateway,
    sniffer: Sniffer,
    macs: Readonly<Record<number, string | undefined>>,
  ) {
    const { received } = await gateway.status();
    const before = (await sniffer.flush()).length;
    const port = lab.port(site.host, "under");
    const expected: Uint8Array[] = [];
    let count = 0;
    for (const [session, mac] of Object.entries(macs)) {
      for (const frame of tenant.frames(10)) {
        port.send(packetOf(Number(session), frame));
        count++;
        if (mac === undefined) continue;
        expected.push(...addressedTo(mac, [frame]));
      }
    }
    await gateway.has({ received: received + count });
    await sniffer.has(before + expected.length);
    expectExactly((await sniffer.flush()).slice(before), expected, "the delivery side");
  }

  test("a tenant and its sniffer come, change and go by the control API", async () => {
    const gateway = await Gateway.start(lab, site.gateway, first());
    const sniffer = await listen();
    await expectTo(gateway, sniffer, { 1: macOf(1), 2: undefined });
    expect(await gateway.ask("/sniffers/globex-ids", put(globexIds))).toMatchObject({ generation: 2 });
    await expectTo(gateway, sniffer, { 1: macOf(1), 2: undefined });
    expect(await gateway.ask("/tenants/globex", put(globex))).toMatchObject({ generation: 3, applied: true });
    await expectTo(gateway, sniffer, { 1: macOf(1), 2: macOf(2) });
    expect(await gateway.status()).toMatchObject({ map: { generation: 3, workers: Array(queues).fill(3) } });
    await gateway.ask("/sniffers/globex-ids", put({ ...globexIds, mac: macOf(3) }));
    await expectTo(gateway, sniffer, { 1: macOf(1), 2: macOf(3) });
    await gateway.ask("/tenants/globex", REMOVE);
    await gateway.ask("/sniffers/globex-ids", REMOVE);
    await expectTo(gateway, sniffer, { 1: macOf(1), 2: undefined });
    const balance = await gateway.stop();
    expect(balance.sniffers["globex-ids"]).toMatchObject({ offered: 20, sent: 20 });
    expect(balance).toMatchObject({ map: { generation: 6 }, counters: { unmapped: 30 } });
  });

  test("by its file, which is replaced; and what is wrong with one is said, all of it", async () => {
    const gateway = await Gateway.start(lab, site.gateway, first());
    const sniffer = await listen();
    const second = {
      ...base(),
      sniffers: [acmeIds, { name: "globex-ids", ...globexIds }],
      tenants: [acme, { name: "globex", ...globex }],
    };
    gateway.rewrite(second);
    await isAtMap(2)(gateway);
    await expectTo(gateway, sniffer, { 1: macOf(1), 2: macOf(2) });
    gateway.rewrite({ ...second, sniffers: [{ ...acmeIds, mac: 5 }, second.sniffers[1]], tenants: [{}] });
    await until(
      () => gateway.process.output.includes("the map in force stays"),
      () => gateway.process.output,
    );
    expect(gateway.process.output).toMatch(/sniffers\[0\]\.mac: is 5.*tenants\[0\]\.name/s);
    await expectTo(gateway, sniffer, { 1: macOf(1), 2: macOf(2) });
    gateway.rewrite({ ...first(), delivery: { interface: "delivery", mtu: 1400 } });
    await until(
      () => gateway.process.output.includes("delivery.mtu is not what the gateway runs with"),
      () => gateway.process.output,
    );
    gateway.rewrite(first());
    await isAtMap(3)(gateway);
    await expectTo(gateway, sniffer, { 1: macOf(1), 2: undefined });
    await gateway.stop();
  });

  test("by SIGHUP its file counts again", async () => {
    const gateway = await Gateway.start(lab, site.gateway, first());
    await gateway.ask("/map", put({ sniffers: [], tenants: [] }));
    const sniffer = await listen();
    await expectTo(gateway, sniffer, { 1: undefined, 2: undefined });
    gateway.process.kill("SIGHUP");
    await isAtMap(3)(gateway);
    await expectTo(gateway, sniffer, { 1: macOf(1), 2: undefined });
    await gateway.stop();
  });

  test("a sniffer that is removed gets what is queued for it, and a new one of its name begins anew", async () => {
    const gateway = await Gateway.start(lab, site.gateway, first());
    const sniffer = await listen();
    const port = lab.port(site.host, "under");
    await lab.ip(site.gateway, "link set delivery down"); // what is sent waits
    for (const frame of tenant.frames(60, { kinds: ["udp"] })) port.send(packetOf(1, frame));
    await gateway.has({ received: 60 });
    await gateway.ask("/map", put({ sniffers: [], tenants: [] }));
    await lab.ip(site.gateway, "link set delivery up");
    const { sniffers } = await gateway.status();
    const { sendError } = sniffers["acme-ids"]!;
    expect(sendError).toBeLessThan(60);
    await sniffer.has(60 - sendError);
    await gateway.ask("/map", put({ sniffers: [acmeIds], tenants: [acme] }));
    await expectTo(gateway, sniffer, { 1: macOf(1) });
    await gateway.stop();
  });

  test("no packet goes by two maps, and none is lost, however often they change", async () => {
    const sniffers = (tag: number) =>
      [1, 2].map((last) => ({ name: `s${last}`, deliver: "mac", mac: macOf(last), vlan: tag }));
    const tenants = [{ ...acme, sniffers: ["s1", "s2"] }];
    const gateway = await Gateway.start(lab, site.gateway, { ...base(), sniffers: sniffers(1), tenants });
    await gateway.status(); // from now on it answers at once
    const sniffer = await listen();
    const port = lab.port(site.host, "under");
    const CHANGES = 100;
    const PACKETS = 3000;
    let changes = 0;
    const changing = (async () => {
      for (; changes < CHANGES; changes++) {
        await gateway.ask("/map", put({ sniffers: sniffers(2 + (changes % 4000)), tenants }));
        await pause(2);
      }
    })();
    const frames = tenant.frames(PACKETS, { kinds: ["udp"] });
    await port.replay(
      frames.map((frame) => packetOf(1, frame)),
      { rate: 3000 },
    );
    await changing;
    const balance = await gateway.stop();
    expect(balance).toMatchObject({
      received: PACKETS,
      delivered: PACKETS,
      map: { generation: CHANGES + 1 },
    });
    expect(balance.kernel).toMatchObject({ dropped: 0, ringFull: 0 });
    const tags = new Map<number, Set<number>>();
    const copies = await sniffer.finish();
    expect(copies.length).toBe(2 * PACKETS);
    for (const copy of copies) {
      const tag = Buffer.from(copy).readUInt16BE(TAG_AT + 2);
      const { counter } = numberOf(copy)!;
      tags.set(counter, (tags.get(counter) ?? new Set()).add(tag));
    }
    expect([...tags.values()].filter(({ size }) => size !== 1)).toEqual([]);
    expect(new Set([...tags.values()].flatMap((set) => [...set])).size).toBeGreaterThan(10);
  });
});
