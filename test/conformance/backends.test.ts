// What every backend of the live gateway has to do, alike: the same suite over each of them, with what one cannot do and why.
//
//   host ── under ════════ tunnel ── gateway ── delivery ════════ eth0 ── sniffer
//   192.0.2.1            192.0.2.2            198.51.100.1      198.51.100.9
//
// Frames are made by hand and sent with a raw port: what goes in, what comes out and every verdict are known.

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { SpangateError } from "../../src/errors.js";
import { addressedTo, expectExactly } from "../live/exactly.js";
import { type Balance, Gateway, health } from "../live/gateway.js";
import { Lab } from "../live/lab.js";
import { lacks } from "../live/requirements.js";
import { GATEWAY, HOST, Site } from "../live/site.js";
import { Sniffer } from "../live/sniffer.js";
import { everyClaim, WAYS } from "../live/sources.js";
import { pushTag } from "../live/tag-pusher.js";
import { KIND_NAMES } from "../live/tenant-frames.js";
import type { ExchangeOptions, Tenant } from "../live/tenant-traffic.js";
import { tunnelFrames, type Underlay } from "../live/tunnel-packets.js";
import { pause, until } from "../live/until.js";
import * as make from "../reference/packets.js";
import {
  type Arrivals,
  type Ending,
  InFiles,
  InMemory,
  type WithoutInterfaces,
} from "./without-interfaces.js";

const TIMEOUT = 60_000;
const SNIFFER = "02:00:00:00:0a:01";
const DELIVERY = { mac: "02:00:00:00:0d:01", ipv4: "198.51.100.1", ipv6: "2001:db8:99::1" };
const NEIGHBOUR = { ipv4: "198.51.100.9", ipv6: "2001:db8:99::9" };
const PORT = 7777;
const ICMP =
  "icmp[icmptype] == 3 or icmp[icmptype] == 11 or icmp[icmptype] == 12 or (icmp6 and ip6[40] < 128)";

const V4: Underlay = { from: HOST.ipv4, to: GATEWAY.ipv4, fromMac: HOST.mac, toMac: GATEWAY.mac };
const V6: Underlay = { ...V4, from: HOST.ipv6, to: GATEWAY.ipv6 };
/** A raw socket gets frames without their tags. */
const UNTAGGED: ExchangeOptions = { kinds: KIND_NAMES.filter((kind) => kind !== "vlan") };
const UNDERLAYS: [name: string, underlay: Underlay][] = [
  ["IPv4", V4],
  ["IPv6", V6],
  ["a tag", { ...V4, tags: [[0x8100, 0x6005]] }],
  ["a tag of 802.1ad, IPv6", { ...V6, tags: [[0x88a8, 5]] }],
  [
    "two tags",
    {
      ...V4,
      tags: [
        [0x88a8, 5],
        [0x8100, 6],
      ],
    },
  ],
  [
    "two tags, the outer one of neither kind",
    {
      ...V4,
      tags: [
        [0x9100, 5],
        [0x8100, 6],
      ],
    },
  ],
  ["fragments", { ...V4, mtu: 576 }],
  ["fragments over IPv6", { ...V6, mtu: 1280 }],
  ["fragments behind a tag", { ...V4, mtu: 576, tags: [[0x8100, 7]] }],
];

interface Subject {
  readonly name: string;
  readonly tunnel: Readonly<Record<string, string>>;
  readonly says: RegExp;
  /** What it cannot do, and why. */
  readonly lacking: Partial<
    Record<"tags beside the frame" | "waits for a carrier" | "only its own" | "an interface", string>
  >;
  /** Without interfaces: what stands in their place. */
  readonly memory?: (folder: string) => WithoutInterfaces;
}

const XDP_LACKS: Subject["lacking"] = {
  "tags beside the frame": "a veth whose peer leaves the tag beside gives it to no XDP program",
  "waits for a carrier": "__xsk_generic_xmit takes a frame that the device drops off the ring: a send error",
};
const NO_INTERFACE: Subject["lacking"] = {
  "only its own": "whoever hands over packets has chosen them",
  "an interface":
    "there is none: no kernel answers, nothing arrives at the delivery side, nothing goes down or has an MTU",
};
const SUBJECTS: readonly Subject[] = [
  {
    name: "afxdp, native",
    tunnel: { backend: "afxdp", xdp: "native" },
    says: /^afxdp, in the driver/,
    lacking: XDP_LACKS,
  },
  {
    name: "afxdp, skb",
    tunnel: { backend: "afxdp", xdp: "skb" },
    says: /^afxdp, on socket buffers/,
    lacking: XDP_LACKS,
  },
  { name: "afpacket", tunnel: { backend: "afpacket" }, says: /^afpacket$/, lacking: {} },
  {
    name: "memory",
    tunnel: {},
    says: /^memory; memory$/,
    lacking: {
      ...NO_INTERFACE,
      "tags beside the frame": "nobody has taken one off; the ring has room for them (arrival-ring.test.ts)",
    },
    memory: () => new InMemory(),
  },
  {
    name: "file",
    tunnel: {},
    says: /^replay of .*in\.pcap; recording into .*out\.pcapng$/,
    lacking: { ...NO_INTERFACE, "tags beside the frame": "in a capture they are in the frame" },
    memory: (folder) => new InFiles(folder),
  },
];

describe.skipIf(lacks("ping")).each(SUBJECTS)("$name", ({ tunnel, says, lacking, memory }) => {
  let inMemory: WithoutInterfaces | undefined;
  let lab: Lab;
  let site: Site;
  let tenant: Tenant;
  let destination: string;
  let errors: Sniffer;
  let sequence = 0;

  beforeAll(async () => {
    lab = new Lab();
    site = await Site.build(lab, { host: "kernel" });
    tenant = await site.tenant({ name: "acme", number: 1 });
    destination = await lab.namespace("sniffer", { ipv6: true });
    // No switch between: it would take a while to believe in a link that is up again, and what tc redirects no program in skb mode
    // sees, whatever links it passes later (netif_receive_generic_xdp: "reinjected packets").
    await lab.link(
      {
        namespace: site.gateway,
        name: "delivery",
        mac: DELIVERY.mac,
        addresses: [`${DELIVERY.ipv4}/24`, `${DELIVERY.ipv6}/64`],
      },
      {
        namespace: destination,
        name: "eth0",
        mac: SNIFFER,
        addresses: [`${NEIGHBOUR.ipv4}/24`, `${NEIGHBOUR.ipv6}/64`],
      },
    );
    errors = await Sniffer.start(lab, site.gateway, "tunnel", { direction: "out", filter: ICMP });
    inMemory = memory?.(lab.directory);
  }, TIMEOUT);
  afterAll(() => lab.close(), TIMEOUT);

  async function start(more: Readonly<Record<string, unknown>> = {}): Promise<Ending> {
    const config = {
      tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4, GATEWAY.ipv6], ...tunnel },
      delivery: { interface: "delivery" },
      sniffers: [{ name: "acme", deliver: "mac", mac: SNIFFER }],
      tenants: [
        {
          name: "acme",
          sources: everyClaim(100),
          sniffers: ["acme"],
        },
      ],
      ...more,
    };
    if (inMemory !== undefined) return inMemory.start(config);
    const gateway = await Gateway.start(lab, site.gateway, config);
    onTestFinished(async () => {
      await gateway.process.stop();
    });
    return gateway;
  }
  const listen = async (): Promise<Arrivals> =>
    inMemory?.listen() ??
    Sniffer.start(lab, destination, "eth0", { filter: `not ether src ${DELIVERY.mac}` });
  const send = async (frames: readonly Uint8Array[]) => {
    if (inMemory !== undefined) await inMemory.send(frames);
    else await lab.port(site.host, "under").replay(frames, { rate: 20_000 });
  };

  /** Every way's packets of frames of its own. */
  function mirrored(
    underlay: Underlay,
    count = 20,
    options: ExchangeOptions = {},
  ): { frames: Uint8Array[]; packets: Uint8Array[] } {
    const all = WAYS.map((way) => ({ way, frames: tenant.frames(count, options) }));
    const packets = all.flatMap(({ way, frames }) =>
      frames.flatMap((frame) => tunnelFrames(way, 100, frame, sequence++, underlay)),
    );
    return { frames: all.flatMap(({ frames }) => frames), packets };
  }

  async function expectNoErrors(): Promise<void> {
    expect((await errors.flush()).map(hex)).toEqual([]);
  }

  async function expectThrough(
    sniffer: Arrivals,
    gateway: Ending,
    frames: readonly Uint8Array[],
  ): Promise<Balance> {
    await sniffer.has(frames.length).catch(async (error: Error) => {
      throw new Error(`${error.message}\n${JSON.stringify(await gateway.stop())}`);
    });
    const balance = await gateway.stop();
    expectExactly(await sniffer.finish(), addressedTo(SNIFFER, frames), "sniffer");
    return balance;
  }

  test("says what it is", async () => {
    const gateway = await start();
    expect(gateway.description).toMatch(says);
    expect(await gateway.stop()).toMatchObject({ received: 0, drops: 0 });
  });

  test.each(UNDERLAYS)("takes tunnels off: %s", async (_, underlay) => {
    const [gateway, sniffer] = [await start(), await listen()];
    const { frames, packets } = mirrored(underlay);
    await send(packets);
    const balance = await expectThrough(sniffer, gateway, frames);
    expect(balance).toMatchObject({
      received: packets.length,
      delivered: frames.length,
      reassembled: packets.length - frames.length,
      kernel: { dropped: 0, ringFull: 0 },
    });
    await expectNoErrors();
  });

  test("gives every packet its verdict", async () => {
    const [gateway, sniffer] = [await start(), await listen()];
    const [frame] = tenant.frames(1, { kinds: ["udp"], lengths: [128] });
    const ip = (protocol: number, payload: Uint8Array, fields: make.Ipv4Fields = {}) =>
      make.ethernet(0x0800, make.ipv4(protocol, payload, fields), macOf(HOST.mac), macOf(GATEWAY.mac));
    const erspan = (session: number) => make.gre(0x88be, make.erspan2(frame!, { session }), { sequence: 1 });
    const rows: [Uint8Array, string][] = [
      [ip(47, erspan(100)), "delivered"],
      [ip(47, erspan(101)), "unmapped"],
      [ip(47, erspan(100), { badChecksum: true }), "bad-checksum"],
      [ip(47, erspan(100).subarray(0, 12)), "truncated"],
      [ip(47, make.gre(0x880b, frame!, { flags: 1 })), "unsupported-version"],
      [ip(47, make.gre(0x88b5, frame!)), "unsupported-payload"],
    ];
    await send(rows.map(([packet]) => packet));
    const balance = await expectThrough(sniffer, gateway, [frame!]);
    const counted = Object.entries(balance.counters).filter(([, count]) => count > 0);
    expect(Object.fromEntries(counted)).toMatchObject(
      Object.fromEntries(rows.map(([, verdict]) => [verdict, 1])),
    );
    expect(balance.received).toBe(rows.length);
    await expectNoErrors();
  });

  if (lacking["only its own"] === undefined)
    test("takes only what is the gateway's own", async () => {
      const gateway = await start();
      const [frame] = tenant.frames(1);
      const elsewhere = { ...V4, to: "192.0.2.77" };
      await send(WAYS.flatMap((way) => tunnelFrames(way, 100, frame!, 0, elsewhere)));
      await lab.run(site.host, "ping", ["-c", "2", "-i", "0.05", "-W", "5", GATEWAY.ipv4]);
      expect(await gateway.stop()).toMatchObject({ received: 0 });
    });

  if (lacking["an interface"] === undefined)
    test("leaves ARP, neighbour discovery and ping to the kernel, while packets come", async () => {
      const [gateway, sniffer] = [await start(), await listen()];
      const { frames, packets } = mirrored(V4, 100);
      const sending = lab.port(site.host, "under").replay(packets, { rate: 2000 });
      await lab.ip(site.host, `neigh del ${GATEWAY.ipv4} dev under`, `neigh del ${GATEWAY.ipv6} dev under`);
      onTestFinished(() =>
        lab.ip(
          site.host,
          ...[GATEWAY.ipv4, GATEWAY.ipv6].map(
            (ip) => `neigh replace ${ip} lladdr ${GATEWAY.mac} dev under nud permanent`,
          ),
        ),
      );
      for (const to of [GATEWAY.ipv4, GATEWAY.ipv6])
        expect(await lab.run(site.host, "ping", ["-c", "3", "-i", "0.05", "-W", "5", to])).toMatch(
          / 0% packet loss/,
        );
      await sending;
      await expectThrough(sniffer, gateway, frames);
      await expectNoErrors();
    });

  if (lacking["tags beside the frame"] === undefined)
    test("takes tags that are beside the frame", async () => {
      await lab.run(site.gateway, "ethtool", ["-K", "tunnel", "rxvlan", "on"]);
      await lab.run(site.host, "ethtool", ["-K", "under", "txvlan", "on"]);
      onTestFinished(async () => {
        await lab.run(site.host, "ethtool", ["-K", "under", "txvlan", "off"]);
      });
      onTestFinished(pushTag(lab, site.host, "under", 0x6009));
      const tagged = { encapsulation: "erspan", session: 100, vlan: 9 };
      const tenants = [{ name: "acme", sources: [tagged], sniffers: ["acme"] }];
      const [gateway, sniffer] = [await start({ tenants }), await listen()];
      const frames = tenant.frames(50);
      await send(frames.flatMap((frame) => tunnelFrames("erspan2", 100, frame, sequence++, V4)));
      await expectThrough(sniffer, gateway, frames);
    });

  if (lacking["an interface"] === undefined)
    describe("what arrives at the delivery interface", () => {
      const listener = `const s = require("node:dgram").createSocket("udp6");
      s.on("message", (m) => console.log("got", m.toString())).bind(${PORT}, () => console.log("listens"));`;
      const speak = (to: string, text: string, times = 1) => {
        const program = `const s = require("node:dgram").createSocket("${to.includes(":") ? "udp6" : "udp4"}");
        let left = ${times};
        const next = () => (left-- === 0 ? s.close() : s.send("${text}", ${PORT}, "${to}", () => setTimeout(next, 20)));
        next();`;
        return lab.run(destination, process.execPath, ["-e", program]);
      };

      test("never reaches the host, but for ARP and neighbour discovery", async () => {
        const service = await lab.start(site.gateway, process.execPath, ["-e", listener], {
          ready: /listens/,
        });
        await speak(DELIVERY.ipv4, "before");
        await speak(DELIVERY.ipv6, "before");
        await until(
          () => service.output.match(/got before/g)?.length === 2,
          () => "two datagrams",
        );

        const gateway = await start();
        await lab.ip(destination, "neigh flush all");
        for (const to of [DELIVERY.ipv4, DELIVERY.ipv6, GATEWAY.ipv4]) {
          if (to === GATEWAY.ipv4)
            await lab.ip(destination, `route replace ${GATEWAY.ipv4}/32 via ${DELIVERY.ipv4}`);
          await speak(to, "within", 5);
        }
        // The kernel has answered who asked for its addresses.
        const known = () => lab.run(destination, "ip", ["neigh", "show", "dev", "eth0"]);
        await until(
          async () => (await known()).match(new RegExp(`lladdr ${DELIVERY.mac}`, "g"))?.length === 2,
          () => "ARP and ND",
        );
        // Nor does a tunnel packet that comes in there.
        const [frame] = tenant.frames(1);
        const toDelivery = { ...V4, toMac: DELIVERY.mac };
        const port = lab.port(destination, "eth0");
        await port.replay(tunnelFrames("erspan2", 100, frame!, 0, toDelivery));
        expect(await gateway.stop()).toMatchObject({ received: 0 });
        expect(service.output).not.toContain("within");

        await speak(DELIVERY.ipv4, "after");
        await until(
          () => service.output.includes("got after"),
          () => "a datagram after the gateway",
        );
        expect(service.output).not.toContain("within");
        await service.stop();
      });
    });

  if (lacking["an interface"] === undefined)
    test.each([
      ["interface", () => ({ namespace: site.gateway, name: "delivery" }), undefined],
      ["carrier", () => ({ namespace: destination, name: "eth0" }), lacking["waits for a carrier"]],
    ] as const)("the delivery %s goes down and comes back", async (_, end, notKept) => {
      const gateway = (await start()) as Gateway;
      const { namespace, name } = end();
      const arrived = collect();
      const before = mirrored(V4, 20, UNTAGGED);
      await send(before.packets);
      await arrived(before.frames.length);
      await lab.ip(namespace, `link set ${name} down`);
      const during = mirrored(V4, 10, UNTAGGED);
      gateway.process.kill("SIGSTOP"); // so that they come all at once
      await send(during.packets);
      gateway.process.kill("SIGCONT");
      await gateway.has({ received: before.packets.length + during.packets.length });
      await pause(100); // so that all of them are tried
      await lab.ip(namespace, `link set ${name} up`);
      await upAgain(site.gateway, "delivery");
      const after = mirrored(V4, 20, UNTAGGED);
      await send(after.packets);
      const expected = [...before.frames, ...(notKept ? [] : during.frames), ...after.frames];
      const got = await arrived(expected.length);
      const balance = await gateway.stop();
      expectExactly(got, addressedTo(SNIFFER, expected), "sniffer");
      expect(balance.sniffers.acme).toMatchObject({
        offered: before.frames.length + during.frames.length + after.frames.length,
        sent: expected.length,
        queued: 0,
        inFlight: 0,
      });
      await lab.ip(site.gateway, `addr replace ${DELIVERY.ipv6}/64 dev delivery nodad`);
      await lab.ip(destination, `addr replace ${NEIGHBOUR.ipv6}/64 dev eth0 nodad`);
    });

  if (lacking["an interface"] === undefined)
    test("while what is queued goes out, nothing comes in, and nobody answers", async () => {
      const gateway = (await start()) as Gateway;
      const arrived = collect();
      await lab.ip(site.gateway, "link set delivery down");
      const before = mirrored(V4, 10, UNTAGGED);
      await send(before.packets);
      await gateway.has({ received: before.packets.length });
      gateway.process.kill("SIGTERM");
      await until(
        () => health(gateway.socket).then(({ state }) => state === "draining"),
        () => "it to drain",
      );
      await send([
        ...mirrored(V4).packets,
        ...mirrored(V6).packets,
        ...mirrored({ ...V4, mtu: 576 }).packets,
      ]);
      await expectNoErrors();
      await lab.ip(site.gateway, "link set delivery up");
      const got = await arrived(before.frames.length);
      expect(await gateway.process.ended, gateway.process.output).toEqual({ code: 0, signal: null });
      expectExactly(got, addressedTo(SNIFFER, before.frames), "sniffer");
      expect(JSON.parse(gateway.process.stdout)).toMatchObject({
        received: before.packets.length,
        delivered: before.frames.length,
        kernel: { dropped: 0, ringFull: 0, noFrames: 0 },
        sniffers: { acme: { sent: before.frames.length, queued: 0, inFlight: 0 } },
      });
      await expectNoErrors();
      await lab.ip(site.gateway, `addr replace ${DELIVERY.ipv6}/64 dev delivery nodad`);
    });

  /** What arrives from now on: tcpdump ends when its interface goes down. */
  function collect(): (count: number) => Promise<Uint8Array[]> {
    const port = lab.port(destination, "eth0", { receiveBuffer: 8 << 20 });
    const frames: Uint8Array[] = [];
    const own = macOf(DELIVERY.mac).join();
    const take = () => {
      for (;;) {
        try {
          const frame = port.receive();
          if (frame === undefined) return;
          if (frame.subarray(6, 12).join() !== own && frame.subarray(0, 6).join() === macOf(SNIFFER).join())
            frames.push(frame);
        } catch (error) {
          if ((error as SpangateError).details.errno !== "ENETDOWN") throw error;
        }
      }
    };
    return async (count) => {
      await until(
        () => {
          take();
          return frames.length >= count;
        },
        () => `${count} frames; ${frames.length} came`,
      );
      return frames;
    };
  }

  if (lacking["an interface"] === undefined)
    test("the tunnel interface goes down and comes back", async () => {
      const [gateway, sniffer] = [await start(), await listen()];
      const before = mirrored(V4);
      await send(before.packets);
      await sniffer.has(before.frames.length);
      await lab.ip(site.gateway, "link set tunnel down", "link set tunnel up");
      await upAgain(site.gateway, "tunnel");
      await upAgain(site.host, "under");
      await lab.ip(
        site.gateway,
        `addr replace ${GATEWAY.ipv6}/64 dev tunnel nodad`,
        `neigh replace ${HOST.ipv4} lladdr ${HOST.mac} dev tunnel nud permanent`,
        `neigh replace ${HOST.ipv6} lladdr ${HOST.mac} dev tunnel nud permanent`,
      );
      const after = mirrored(V4);
      await send(after.packets);
      await expectThrough(sniffer, gateway, [...before.frames, ...after.frames]);
      await expectNoErrors();
    });

  if (lacking["an interface"] === undefined)
    test("a frame that the interface never takes is an error of its own, and no other's", async () => {
      await lab.ip(site.gateway, "link set delivery mtu 1000");
      onTestFinished(() => lab.ip(site.gateway, "link set delivery mtu 2000"));
      const [gateway, sniffer] = [await start(), await listen()];
      const frames = tenant.frames(100, { kinds: ["udp"], lengths: [60, 1400, 900, 1400, 1400] });
      const short = frames.filter((frame) => frame.length < 1000);
      await send(frames.flatMap((frame) => tunnelFrames("vxlan", 100, frame, 0, V4)));
      const balance = await expectThrough(sniffer, gateway, short);
      expect(balance.sniffers.acme).toMatchObject({
        offered: frames.length,
        sent: short.length,
        sendError: frames.length - short.length,
      });
    });

  async function upAgain(namespace: string, name: string): Promise<void> {
    const state = () => lab.run(namespace, "cat", [`/sys/class/net/${name}/operstate`]);
    await until(
      async () => (await state()).trim() === "up",
      () => `${name} to be up`,
    );
  }
});

const hex = (frame: Uint8Array) => Buffer.from(frame).toString("hex");
const macOf = (mac: string) => mac.split(":").map((digits) => Number.parseInt(digits, 16));
