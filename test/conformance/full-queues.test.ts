// Queues that are full because the delivery interface takes nothing: what each gives up is exact, and no other sniffer loses anything.
// First the ring of the interface is filled with packets for one sniffer, so that what comes for the other stays in its queue.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addressedTo, expectExactly } from "../live/exactly.js";
import { Gateway } from "../live/gateway.js";
import { Lab } from "../live/lab.js";
import { lacks } from "../live/requirements.js";
import { GATEWAY, Site, V4 } from "../live/site.js";
import { Sniffer } from "../live/sniffer.js";
import type { Tenant } from "../live/tenant-traffic.js";
import { tunnelFrames } from "../live/tunnel-packets.js";

const TIMEOUT = 60_000;
/** More than any ring takes. */
const CLOG = 2500;
const COUNT = 60;
const QUEUE = 7;
const MACS = { small: "02:00:00:00:0a:01", large: "02:00:00:00:0b:01" };
const SESSIONS = { small: 1, large: 2 };
const BACKENDS: [name: string, tunnel: { backend: string; xdp?: string }][] = [
  ["afxdp, native", { backend: "afxdp", xdp: "native" }],
  ["afxdp, skb", { backend: "afxdp", xdp: "skb" }],
  ["afpacket", { backend: "afpacket" }],
];
const ROWS = BACKENDS.flatMap(([backend, tunnel]) =>
  (["drop-newest", "drop-oldest"] as const).map((overflow) => [backend, overflow, tunnel] as const),
);

describe.skipIf(lacks())("a delivery interface that takes nothing", () => {
  let lab: Lab;
  let site: Site;
  let tenants: Record<"small" | "large", Tenant>;
  let destination: string;
  beforeAll(async () => {
    lab = new Lab();
    site = await Site.build(lab, { host: "nothing" });
    tenants = {
      small: await site.tenant({ name: "small", number: 1 }),
      large: await site.tenant({ name: "large", number: 2 }),
    };
    destination = await site.deliveryCable();
  }, TIMEOUT);
  afterAll(() => lab.close(), TIMEOUT);

  test.each(ROWS)("%s, %s", async (_, overflow, tunnel) => {
    const names = ["small", "large"] as const;
    const gateway = await Gateway.forTest(lab, site.gateway, {
      tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], ...tunnel },
      delivery: { interface: "delivery", backend: tunnel.backend },
      sniffers: names.map((name) => ({
        name,
        deliver: "mac",
        mac: MACS[name],
        ...(name === "small" ? { queue: QUEUE, overflow } : { queue: 4096 }),
      })),
      tenants: names.map((name) => ({
        name,
        sources: [{ encapsulation: "erspan", session: SESSIONS[name] }],
        sniffers: [name],
      })),
    });
    const sniffers = {
      small: await Sniffer.start(lab, destination, "cable", { filter: `ether dst ${MACS.small}` }),
      large: await Sniffer.start(lab, destination, "cable", { filter: `ether dst ${MACS.large}` }),
    };
    let received = 0;
    const send = async (name: "small" | "large", count: number) => {
      const frames = tenants[name].frames(count);
      const packets = frames.flatMap((frame, i) => tunnelFrames("erspan2", SESSIONS[name], frame, i, V4));
      await lab.port(site.host, "under").replay(packets, { rate: 8000 });
      received += count;
      await gateway.has({ received });
      return frames;
    };

    await lab.ip(site.gateway, "link set delivery down");
    const clog = await send("large", CLOG);
    const mine = await send("small", COUNT);
    const others = await send("large", COUNT);
    const dropped = COUNT - QUEUE;
    const isOldest = overflow === "drop-oldest";
    const stuck = await gateway.status();
    const fates = {
      offered: COUNT,
      droppedNewest: isOldest ? 0 : dropped,
      droppedOldest: isOldest ? dropped : 0,
    };
    expect(stuck.sniffers.small).toMatchObject({
      ...fates,
      sent: 0,
      sendError: 0,
      queued: QUEUE,
      inFlight: 0,
    });
    const { offered, queued, inFlight } = stuck.sniffers.large!;
    expect([offered, queued + inFlight]).toEqual([CLOG + COUNT, CLOG + COUNT]);
    expect(stuck.counters["queue-full"]).toBe(isOldest ? 0 : dropped);

    await lab.ip(site.gateway, "link set delivery up");
    await sniffers.large.has(CLOG + COUNT);
    await sniffers.small.has(QUEUE);
    const balance = await gateway.stop();
    expect(balance.sniffers.small).toMatchObject({ ...fates, sent: QUEUE, queued: 0, inFlight: 0 });
    expect(balance.sniffers.large).toMatchObject({ offered: CLOG + COUNT, sent: CLOG + COUNT });
    const kept = isOldest ? mine.slice(-QUEUE) : mine.slice(0, QUEUE);
    expectExactly(await sniffers.small.finish(), addressedTo(MACS.small, kept), "small");
    expectExactly(await sniffers.large.finish(), addressedTo(MACS.large, [...clog, ...others]), "large");
  });
});
