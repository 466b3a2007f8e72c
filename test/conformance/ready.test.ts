// Whoever sends when the gateway says that it is ready loses nothing: not one packet, and not the first.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Gateway } from "../live/gateway.js";
import { Lab } from "../live/lab.js";
import type { RawPort } from "../live/raw-port.js";
import { lacks } from "../live/requirements.js";
import { GATEWAY, HOST, Site } from "../live/site.js";
import { tunnelFrames } from "../live/tunnel-packets.js";
import { pause } from "../live/until.js";

const TIMEOUT = 60_000;
const TIMES = 8;
const COUNT = 20;
const BETWEEN = { from: HOST.ipv4, to: GATEWAY.ipv4, fromMac: HOST.mac, toMac: GATEWAY.mac };

describe.skipIf(lacks())("ready", () => {
  let lab: Lab;
  let site: Site;
  let port: RawPort;
  let packets: Uint8Array[];
  beforeAll(async () => {
    lab = new Lab();
    site = await Site.build(lab, { host: "nothing" });
    const tenant = await site.tenant({ name: "acme", number: 1 });
    packets = tenant.frames(COUNT).flatMap((frame, i) => tunnelFrames("erspan2", 100, frame, i, BETWEEN));
    port = lab.port(site.host, "under");
  }, TIMEOUT);
  afterAll(() => lab.close(), TIMEOUT);

  const configuration = (tunnel: object) => ({
    tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], ...tunnel },
    sniffers: [{ name: "ids", deliver: "mac", mac: "02:00:00:00:0a:01" }],
    tenants: [{ name: "acme", sources: [{ encapsulation: "erspan" }], sniffers: ["ids"] }],
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

  test.each([
    ["afxdp, native", { backend: "afxdp", xdp: "native" }],
    ["afxdp, skb", { backend: "afxdp", xdp: "skb" }],
    ["afpacket", { backend: "afpacket" }],
  ])("%s", async (_, tunnel) => {
    for (let i = 0; i < TIMES; i++) {
      const gateway = await Gateway.start(lab, site.gateway, configuration(tunnel));
      for (const packet of packets) expect(port.send(packet)).toBe(true);
      await gateway.has({ received: COUNT });
      expect(await gateway.stop()).toMatchObject({
        delivered: COUNT,
        kernel: { dropped: 0, ringFull: 0, noFrames: 0 },
      });
    }
  });
});
