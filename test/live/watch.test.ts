// A gateway that is watched while it forwards: two tenants on the same addresses, one of whose packets somebody looks at, metrics that
// are the balance's numbers, and a log that tells who looked.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { followGateway } from "../../src/control/client.js";
import type { PacketRecord } from "../../src/explain/index.js";
import { oneOf, readExposition, sumOf } from "../control/exposition.js";
import { Gateway, textOf } from "./gateway.js";
import { Lab } from "./lab.js";
import { lacks } from "./requirements.js";
import { GATEWAY, Site, V4 } from "./site.js";
import { Sniffer } from "./sniffer.js";
import type { Tenant } from "./tenant-traffic.js";
import { tunnelFrames } from "./tunnel-packets.js";
import { until } from "./until.js";

const COUNT = 3000;
/** Packets a second, of both tenants in turn. */
const RATE = 1500;
const TENANTS = ["acme", "globex"];

describe.skipIf(lacks())("a gateway that is watched", () => {
  let lab: Lab;
  let site: Site;
  let destination: string;
  let tenants: Tenant[];
  beforeAll(async () => {
    lab = new Lab();
    site = await Site.build(lab, { host: "nothing" });
    destination = await site.deliveryCable();
    tenants = [];
    for (const [i, name] of TENANTS.entries())
      tenants.push(await site.tenant({ name, number: i + 1, overlapping: true }));
  });
  afterAll(() => lab.close());

  /** Nothing can be read any more when somebody begins to look. */
  const start = (backend: string, sealed: boolean) =>
    Gateway.start(lab, site.gateway, {
      user: "nobody",
      sealed,
      tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], backend },
      delivery: { interface: "delivery" },
      sniffers: TENANTS.map((name, i) => ({
        name: `${name}-ids`,
        deliver: "mac",
        mac: `02:00:00:00:0a:0${i + 1}`,
      })),
      tenants: TENANTS.map((name, i) => ({
        name,
        sources: [{ encapsulation: i === 0 ? "erspan" : "vxlan" }],
        sniffers: [`${name}-ids`],
      })),
    });

  /** The packets of both in turn, 60 bytes inside or more. */
  function traffic() {
    const frames = tenants.map((tenant) => tenant.frames(COUNT / 2));
    const packets = Array.from({ length: COUNT }, (_, i) => {
      const frame = frames[i & 1]![i >> 1]!;
      return tunnelFrames((i & 1) === 0 ? "erspan2" : "vxlan", 7, frame, i >> 1, V4);
    });
    return { frames, packets: packets.flat() };
  }

  test.each([
    ["afxdp", true],
    ["afpacket", false],
  ])("%s: only the tenant's packets, as they came; sealed: %s", async (backend, sealed) => {
    const gateway = await start(backend, sealed);
    const sniffer = await Sniffer.start(lab, destination, "cable");
    const { frames, packets } = traffic();
    const seen: PacketRecord[] = [];
    const looking = (async () => {
      for await (const record of followGateway(gateway.socket, "/tail?tenant=globex&rate=100"))
        seen.push(record as PacketRecord);
    })();
    await until(
      () => gateway.process.output.includes("looks at packets of globex"),
      () => gateway.process.output,
    );
    await lab.port(site.host, "under").replay(packets, { rate: RATE });
    await gateway.has({ received: COUNT });

    const page = readExposition(await textOf(gateway.socket, "/metrics"));
    expect(sumOf(page, "spangate_received_packets_total")).toBe(COUNT);
    expect(sumOf(page, "spangate_delivered_packets_total")).toBe(COUNT);
    expect(oneOf(page, "spangate_ready")).toBe(1);
    expect(oneOf(page, "spangate_sniffer_offered_packets_total", { tenant: "acme" })).toBe(COUNT / 2);

    const balance = await gateway.stop();
    await expect(looking).resolves.toBeUndefined();
    expect(balance).toMatchObject({ received: COUNT, delivered: COUNT, drops: 0 });
    expect(await sniffer.finish()).toHaveLength(COUNT);

    // Ten a tick at the most, of two seconds.
    expect(seen.length).toBeGreaterThan(20);
    expect(seen.length).toBeLessThan((COUNT / RATE + 2) * 100);
    const mac = frames[1]!.map((frame) => Buffer.from(frame.subarray(0, 6)).toString("hex"));
    for (const { tenant, verdict, encapsulation, sniffers, headers, deliveries } of seen) {
      expect({ tenant, verdict, encapsulation, sniffers }).toEqual({
        tenant: "globex",
        verdict: "delivered",
        encapsulation: "vxlan",
        sniffers: ["globex-ids"],
      });
      // The frame inside has the address that the tenant's machine gave it, and not yet the sniffer's.
      const inner = headers.find(({ name }) => name === "inner Ethernet");
      expect(mac).toContain(String(inner?.fields.destination).replaceAll(":", ""));
      expect(deliveries?.[0]?.changes).toMatchObject([{ after: "02:00:00:00:0a:02" }]);
    }
    const said = gateway.process.output;
    expect(said).toMatch(new RegExp(`uid 0, pid ${process.pid} looks at packets of globex \\(rate 100\\)\n`));
    expect(said).toMatch(
      new RegExp(`has looked at packets of globex \\(seconds [\\d.]+, packets ${seen.length}\\)\n`),
    );
  });
});
