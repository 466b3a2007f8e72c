// Whoever sends when the gateway says that it is ready loses nothing: not one packet, and not the first.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Gateway } from "../live/gateway.js";
import { Lab } from "../live/lab.js";
import type { RawPort } from "../live/raw-port.js";
import { lacks, lacksCap } from "../live/requirements.js";
import { GATEWAY, Site, V4 } from "../live/site.js";
import { tunnelFrames } from "../live/tunnel-packets.js";
import { pause } from "../live/until.js";

const TIMEOUT = 60_000;
const TIMES = 8;
const COUNT = 20;

describe.skipIf(lacks())("ready", () => {
  let lab: Lab;
  let site: Site;
  let port: RawPort;
  let packets: Uint8Array[];
  let overUdp: Uint8Array[];
  beforeAll(async () => {
    lab = new Lab();
    site = await Site.build(lab, { host: "nothing" });
    const tenant = await site.tenant({ name: "acme", number: 1 });
    packets = tenant.frames(COUNT).flatMap((frame, i) => tunnelFrames("erspan2", 100, frame, i, V4));
    overUdp = tenant.frames(COUNT).flatMap((frame, i) => tunnelFrames("vxlan", 100, frame, i, V4));
    port = lab.port(site.host, "under");
  }, TIMEOUT);
  afterAll(() => lab.close(), TIMEOUT);

  const configuration = (tunnel: object, sources: object[] = [{ encapsulation: "erspan" }]) => ({
    tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], ...tunnel },
    sniffers: [{ name: "ids", deliver: "mac", mac: "02:00:00:00:0a:01" }],
    tenants: [{ name: "acme", sources, sniffers: ["ids"] }],
  });

  test("what comes before has no free frame, and is counted once", async () => {
    const starting = Gateway.start(lab, site.gateway, configuration({ backend: "afxdp" }));
    let isReady = false;
    const ready = starting.finally(() => {
      isReady = true;
    });
    while (!isReady) {
      port.send(packets[0]!);
      await pause(1);
    }
    const { kernel } = await (await ready).stop();
    expect(kernel).toMatchObject({ dropped: 0, ringFull: 0 });
    expect(kernel.noFrames).toBeGreaterThan(0);
  });

  test.each<[string, { readonly backend: string; readonly xdp?: string }]>([
    ["afxdp, native", { backend: "afxdp", xdp: "native" }],
    ["afxdp, skb", { backend: "afxdp", xdp: "skb" }],
    ["afpacket", { backend: "afpacket" }],
    ...(lacksCap() ? [] : [["libpcap", { backend: "libpcap" }] as [string, { backend: string }]]),
    ["udp", { backend: "udp" }],
  ])("%s", async (_, tunnel) => {
    const isUdp = tunnel.backend === "udp";
    const config = configuration(tunnel, [{ encapsulation: isUdp ? "vxlan" : "erspan" }]);
    for (let i = 0; i < TIMES; i++) {
      const gateway = await Gateway.start(lab, site.gateway, config);
      for (const packet of isUdp ? overUdp : packets) expect(port.send(packet)).toBe(true);
      await gateway.has({ received: COUNT });
      expect(await gateway.stop()).toMatchObject({
        delivered: COUNT,
        kernel: { dropped: 0, ringFull: 0, noFrames: 0 },
      });
    }
  });
});
