// Which backend a gateway takes, and what it says of the others; and what only AF_PACKET does: several workers at one queue, and frames
// longer than any chunk.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { addressedTo, expectExactly, hex } from "../live/exactly.js";
import { Gateway } from "../live/gateway.js";
import { Lab } from "../live/lab.js";
import { lacks, lacksCap } from "../live/requirements.js";
import { GATEWAY, HOST, Site, V4, V6 } from "../live/site.js";
import { Sniffer } from "../live/sniffer.js";
import { tunnelFrames, type Underlay } from "../live/tunnel-packets.js";
import { parseMac } from "../reference/address.js";
import * as make from "../reference/packets.js";

const TIMEOUT = 60_000;
const MAC = "02:00:00:00:0a:01";
const CLOSED = fileURLToPath(new URL("../live/closed-tunnel.mjs", import.meta.url));
const PROGRAM = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const MTU = 65_521;
const PCAP = lacksCap() ? [] : ["libpcap"];

describe.skipIf(lacks())("the backend", () => {
  let lab: Lab;
  let site: Site;
  let destination: string;
  beforeAll(async () => {
    lab = new Lab();
    site = await Site.build(lab, { host: "nothing", mtu: MTU });
    destination = await site.deliveryCable({ mtu: MTU });
  }, TIMEOUT);
  afterAll(() => lab.close(), TIMEOUT);

  function configuration(
    tunnel: Readonly<Record<string, unknown>>,
    sources: readonly object[] = [{ encapsulation: "vxlan", vni: 1 }],
  ) {
    return {
      tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4, GATEWAY.ipv6], ...tunnel },
      delivery: { interface: "delivery", ...(tunnel.backend === "afpacket" && { backend: "afpacket" }) },
      sniffers: [{ name: "acme", deliver: "mac", mac: MAC }],
      tenants: [{ name: "acme", sources, sniffers: ["acme"] }],
    };
  }
  function start(
    tunnel: Readonly<Record<string, unknown>>,
    sources?: readonly object[],
    delivery: object = {},
  ): Promise<Gateway> {
    const config = configuration(tunnel, sources);
    return Gateway.forTest(lab, site.gateway, {
      ...config,
      delivery: { ...config.delivery, ...delivery },
    });
  }
  /** What a gateway says that does not start. */
  async function refused(tunnel: Readonly<Record<string, unknown>>): Promise<string> {
    const file = join(lab.directory, "refused.yaml");
    writeFileSync(file, JSON.stringify(configuration(tunnel)));
    const running = await lab.start(site.gateway, "node", [PROGRAM, "run", file]);
    expect(await running.ended).toEqual({ code: 1, signal: null });
    return running.output;
  }

  test("auto: AF_XDP where it works", async () => {
    const gateway = await start({ backend: "auto" });
    expect(gateway.description).toMatch(/^afxdp, in the driver, copy$/);
    await gateway.stop();
  });

  test("auto: AF_PACKET where AF_XDP does not, and why in the same line", async () => {
    const gateway = await start({ backend: "auto", queues: 2 });
    expect(gateway.description).toMatch(
      /^afpacket; not afxdp: tunnel has 1 receive queues and tunnel.queues is 2: set/,
    );
    await gateway.stop();
  });

  test("asked for by name: that one or none", async () => {
    expect(await refused({ backend: "afxdp", queues: 2 })).toMatch(
      /tunnel has 1 receive queues.*BACKEND_UNAVAILABLE/,
    );
  });

  test.skipIf(lacksCap()).each([
    [
      "is not there",
      "resolve",
      "The package cap is not installed: apt-get install libpcap-dev && npm install cap.",
    ],
    [
      "does not load",
      "load",
      "The package cap does not load (libpcap.so.0.8: cannot open): apt-get install libpcap-dev && npm rebuild cap.",
    ],
  ])("libpcap: the package cap %s, and what mends it", async (_, how, says) => {
    const program = join(lab.directory, `without-cap-${how}.cjs`);
    writeFileSync(
      program,
      `const Module = require("node:module");
      const whole = Module["_${how === "resolve" ? "resolveFilename" : "load"}"];
      Module["_${how === "resolve" ? "resolveFilename" : "load"}"] = function (request, ...more) {
        if (request === "cap") throw new Error("libpcap.so.0.8: cannot open");
        return whole.call(this, request, ...more);
      };`,
    );
    const file = join(lab.directory, "refused.yaml");
    writeFileSync(file, JSON.stringify(configuration({ backend: "libpcap" })));
    const args = ["--require", program, PROGRAM, "run", file];
    const running = await lab.start(site.gateway, "node", args);
    expect(await running.ended).toEqual({ code: 1, signal: null });
    expect(running.output).toContain(`${says} [BACKEND_UNAVAILABLE]`);
  });

  test.skipIf(lacksCap())("libpcap: whatever tunnel.queues says there is one worker", async () => {
    const gateway = await start({ backend: "libpcap", queues: 2 });
    expect(gateway.description).toMatch(
      /^libpcap; .*one worker, as tunnel\.queues are the interface's; one worker, /,
    );
    expect((await gateway.stop()).workers).toHaveLength(1);
  });

  test("a tunnel port that another program has", async () => {
    const script = `require("node:dgram").createSocket("udp4").bind(6081, "${GATEWAY.ipv4}", () => console.log("listens"))`;
    const other = await lab.start(site.gateway, process.execPath, ["-e", script], { ready: /listens/ });
    const why = `Another program has UDP port 6081 of ${GATEWAY.ipv4}, and would answer mirrored packets`;
    expect(await refused({ backend: "afpacket" })).toContain(why);
    if (!lacksCap()) expect(await refused({ backend: "libpcap" })).toContain(why);
    const both = await refused({ backend: "auto", queues: 2 });
    expect(both).toMatch(
      /Nothing receives from tunnel here. not afxdp: .* not afpacket: .*BACKEND_UNAVAILABLE/,
    );
    expect(both).toContain(why);
    await other.stop();
  });

  test("AF_PACKET without XDP on the delivery side says that the host is open", async () => {
    const blocker = await Gateway.forTest(lab, site.gateway, {
      ...configuration({ backend: "afpacket" }),
      tunnel: { interface: "delivery", addresses: ["192.0.2.99"], backend: "afxdp" },
      delivery: { interface: "tunnel" },
    });
    const gateway = await start({ backend: "afpacket" });
    expect(gateway.description).toMatch(
      /^afpacket; what arrives at the delivery interface reaches the host: Cannot attach an XDP program to delivery: bpf says EBUSY/,
    );
    await gateway.stop();
    await blocker.stop();
  });

  test("AF_PACKET says that the kernel may make one packet of several", async () => {
    const gro = (state: "on" | "off") => lab.run(site.gateway, "ethtool", ["-K", "tunnel", "gro", state]);
    await gro("on");
    onTestFinished(async () => {
      await gro("off");
    });
    const gateway = await start({ backend: "afpacket" });
    expect(gateway.description).toBe(
      "afpacket; tunnel may make one packet of several before they are received: ethtool -K tunnel gro off",
    );
    await gateway.stop();
    const other = await start({ backend: "afxdp" });
    expect(other.description).toBe("afxdp, in the driver, copy");
    await other.stop();
  });

  test.each([
    ["afxdp", "afxdp, in the driver, copy"],
    ["afpacket", "afpacket"],
  ])("%s: `xdp` is of the tunnel, and not of the delivery side", async (backend, says) => {
    const [name, peer] = [`to-${backend}`, await lab.namespace(`at-${backend}`)];
    // More queues at the other end: then a veth takes no program in the driver (veth_xdp_set).
    await lab.link(
      { namespace: site.gateway, name, silent: true },
      { namespace: peer, name: "cable", silent: true, queues: 2 },
    );
    const gateway = await Gateway.forTest(lab, site.gateway, {
      ...configuration({ backend, xdp: "native" }),
      delivery: { interface: name, backend },
    });
    expect(gateway.description).toBe(says);
    const shown = await lab.run(site.gateway, "ip", ["-j", "-d", "link", "show", name]);
    expect(JSON.parse(shown)).toMatchObject([{ xdp: { mode: 2 } }]); // XDP_ATTACHED_SKB
    await gateway.stop();
  });

  test.each([
    ["", "on", undefined],
    [
      "sealed",
      "off",
      "Cannot turn rx-vlan-hw-parse on on tunnel: it takes a capability, and the gateway has given up all (`sealed: true`).",
    ],
  ])("AF_XDP %s: what it could not put back at the interface it says", async (how, after, message) => {
    const rxvlan = (state: "on" | "off") =>
      lab.run(site.gateway, "ethtool", ["-K", "tunnel", "rxvlan", state]);
    await rxvlan("on");
    onTestFinished(async () => {
      await rxvlan("off");
    });
    const said = await lab.run(site.gateway, "node", [CLOSED, "tunnel", GATEWAY.ipv4, how]);
    expect(JSON.parse(said)).toEqual({ during: false, ...(message && { notRestored: message }) });
    expect(await lab.run(site.gateway, "ethtool", ["-k", "tunnel"])).toContain(`rx-vlan-offload: ${after}\n`);
  });

  test("AF_PACKET: two workers share a queue, and every datagram is one's", async () => {
    const tenant = await site.tenant({ name: "acme", number: 1 });
    const gateway = await start({ backend: "afpacket", queues: 2 });
    const sniffer = await Sniffer.start(lab, destination, "cable");
    const frames = tenant.frames(400);
    const underlays = (i: number): Underlay => {
      const [low, high] = [i % 40, 1 + (i % 2)];
      const from = `192.0.2.${100 + low}`;
      const v6 = `2001:db8:77::${100 + low}`;
      return [
        { ...V4, from },
        { ...V4, from, mtu: 576 },
        { ...V6, from: v6 },
        { ...V6, from: v6, mtu: 1280 },
      ][(i + high) % 4]!;
    };
    const packets = frames.flatMap((frame, i) => tunnelFrames("vxlan", 1, frame, i, underlays(i)));
    const whole = frames.map((frame, i) => tunnelFrames("vxlan", 1, frame, i, underlays(i)).length);
    await lab.port(site.host, "under").replay(packets, { rate: 5000 });
    await sniffer.has(frames.length);
    const balance = await gateway.stop();
    expectExactly(await sniffer.finish(), addressedTo(MAC, frames), "sniffer", { ordered: false });
    expect(balance).toMatchObject({ delivered: frames.length, drops: 0, kernel: { ringFull: 0 } });
    // The kernel has put IPv4 together, the engine IPv6.
    const own = frames.map((_, i) => (underlays(i).to === V6.to ? whole[i]! - 1 : 0));
    expect(balance.reassembled).toBe(own.reduce((a, b) => a + b));
    expect(Math.min(...balance.workers.map(({ received }) => received!))).toBeGreaterThan(50);
  });

  test("AF_PACKET: a mirror session is one worker's, whatever is in it", async () => {
    const tenant = await site.tenant({ name: "globex", number: 2 });
    const sources = ["erspan", "gre"].map((encapsulation) => ({ encapsulation }));
    const gateway = await start({ backend: "afpacket", queues: 2 }, sources);
    const sniffer = await Sniffer.start(lab, destination, "cable");
    const packets: Uint8Array[] = [];
    const underlay = { source: HOST.ipv4, destination: GATEWAY.ipv4 };
    for (const [i, frame] of tenant.frames(400).entries()) {
      const gre =
        i % 2 === 0
          ? make.gre(0x6558, frame, { key: 7, sequence: i >> 1 })
          : make.gre(0x88be, make.erspan2(frame, { session: 7 }), { sequence: i >> 1 });
      packets.push(
        make.ethernet(0x0800, make.ipv4(47, gre, underlay), parseMac(HOST.mac), parseMac(GATEWAY.mac)),
      );
    }
    await lab.port(site.host, "under").replay(packets, { rate: 5000 });
    await sniffer.has(packets.length);
    const { sessions } = await gateway.stop();
    const sequence = { expected: 200, lost: 0, reordered: 0, restarts: 0 };
    expect(sessions).toMatchObject([{ sequence }, { sequence }]);
  });

  test.each(["afpacket", ...PCAP, "udp"])("%s: frames that are longer than any slot", async (backend) => {
    const gateway = await start({ backend }, undefined, { backend: "afpacket" });
    const sniffer = await Sniffer.start(lab, destination, "cable");
    const frames = [60, 1900, 1934, 1935, 2000, 9000, 30_000, 65_400].map((length, i) =>
      Uint8Array.from({ length }, (_, at) =>
        at < 12 ? 2 : at === 12 ? 0x88 : at === 13 ? 0xb5 : at * 7 + i,
      ),
    );
    const packets = frames.flatMap((frame, i) =>
      [V4, { ...V4, mtu: 9000 }].flatMap((underlay) => tunnelFrames("vxlan", 1, frame, 2 * i, underlay)),
    );
    await lab.port(site.host, "under").replay(packets, { rate: 2000 });
    const expected = frames.flatMap((frame) => addressedTo(MAC, [frame, frame]));
    await sniffer.has(expected.length);
    const balance = await gateway.stop();
    expect((await sniffer.finish()).map(hex)).toEqual(expected.map(hex));
    expect(balance).toMatchObject({ delivered: expected.length, drops: 0 });
  });
});
