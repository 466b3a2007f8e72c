// One side a capture, the other an interface: a replay to sniffers by each backend, and a recording of what comes by each.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pcap } from "../capture-builder.js";
import { MAIN } from "../cli/command.js";
import { addressedTo, expectExactly } from "./exactly.js";
import { framesIn } from "./frames-in.js";
import { type Balance, expectBalance } from "./gateway.js";
import { Lab } from "./lab.js";
import { lacks } from "./requirements.js";
import type { Running } from "./running.js";
import { GATEWAY, Site, V4 } from "./site.js";
import { Sniffer } from "./sniffer.js";
import type { Tenant } from "./tenant-traffic.js";
import { tunnelFrames } from "./tunnel-packets.js";
import { until } from "./until.js";

const TIMEOUT = 60_000;
const MAC = "02:00:00:00:0a:01";
const COUNT = 200;
/** Longer than a slot of the common size. */
const MTU = 9000;
const LENGTHS = [60, 128, 1514, 3000, 8000];

describe.skipIf(lacks())("a capture in place of one interface", () => {
  let lab: Lab;
  let site: Site;
  let tenant: Tenant;
  let destination: string;
  beforeAll(async () => {
    lab = new Lab();
    site = await Site.build(lab, { host: "nothing", mtu: MTU });
    tenant = await site.tenant({ name: "acme", number: 1 });
    destination = await site.deliveryCable({ mtu: MTU });
  }, TIMEOUT);
  afterAll(() => lab.close(), TIMEOUT);

  function start(more: object, args: readonly string[]): Promise<Running> {
    const file = join(lab.directory, "gateway.yaml");
    const config = {
      sniffers: [{ name: "acme", deliver: "mac", mac: MAC }],
      tenants: [{ name: "acme", sources: [{ encapsulation: "vxlan", vni: 1 }], sniffers: ["acme"] }],
      ...more,
    };
    writeFileSync(file, JSON.stringify(config));
    return lab.start(site.gateway, "node", [MAIN, "run", file, ...args, "--json"], { ready: /ready: .*\n/ });
  }
  async function balanceOf(running: Running): Promise<Balance> {
    expect(await running.ended, running.output).toEqual({ code: 0, signal: null });
    const balance = JSON.parse(running.stdout) as Balance;
    expectBalance(balance);
    return balance;
  }
  function traffic(): { frames: Uint8Array[]; packets: Uint8Array[] } {
    const frames = tenant.frames(COUNT, { lengths: LENGTHS });
    return { frames, packets: frames.flatMap((frame, i) => tunnelFrames("vxlan", 1, frame, i, V4)) };
  }

  test.each([
    ["afxdp", /ready: replay of .*; afxdp, copy\n/],
    ["afpacket", /ready: replay of .*; afpacket\n/],
    ["auto", /ready: replay of .*; afxdp, copy\n/],
  ])("replayed to sniffers by %s", async (backend, says) => {
    const { frames, packets } = traffic();
    const input = join(lab.directory, "in.pcap");
    writeFileSync(input, pcap(packets.map((data, i) => ({ data, time: BigInt(i) * 1_000_000n }))));
    const sniffer = await Sniffer.start(lab, destination, "cable");
    const config = { delivery: { interface: "delivery", backend } };
    const running = await start(config, ["--replay", input]);
    expect(running.output).toMatch(says);
    const balance = await balanceOf(running);
    expectExactly(await sniffer.finish(), addressedTo(MAC, frames), "sniffer");
    expect(balance).toMatchObject({ received: packets.length, delivered: frames.length });
    expect(balance.sniffers.acme).toMatchObject({ sent: frames.length });
    expect(await lab.run(site.gateway, "ip", ["-d", "link"])).not.toContain("prog/xdp");
  });

  test("by an interface that is the tunnel's, which stays as it is", async () => {
    const input = join(lab.directory, "in.pcap");
    writeFileSync(input, pcap([]));
    const config = { tunnel: { interface: "delivery" }, delivery: { interface: "delivery" } };
    const running = await start(config, ["--replay", input]);
    expect(running.output).toMatch(
      /; afxdp, copy; what arrives at the delivery interface reaches the host: delivery is the tunnel's, too\n/,
    );
    await balanceOf(running);
  });

  test.each(["afxdp", "afpacket"])("recorded as it comes by %s", async (backend) => {
    const { frames, packets } = traffic();
    const output = join(lab.directory, `${backend}.pcapng`);
    const tunnel = { interface: "tunnel", addresses: [GATEWAY.ipv4], backend };
    const running = await start({ tunnel }, ["--record", output]);
    expect(running.output).toMatch(new RegExp(`ready: ${backend}.*; recording into .*\\n`));
    await lab.port(site.host, "under").replay(packets, { rate: 5000 });
    // While it runs: what has come is in the file.
    await until(
      async () => (await framesIn(output).catch(() => [])).length === frames.length,
      () => "all frames in the file",
    );
    running.kill("SIGTERM");
    const balance = await balanceOf(running);
    expectExactly(await framesIn(output), addressedTo(MAC, frames), "recording");
    expect(balance).toMatchObject({ received: packets.length, delivered: frames.length, drops: 0 });
  });
});
