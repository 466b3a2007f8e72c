// Every key of gateway.yaml that changes what a packet becomes counts in a live gateway, too: it gives what `decap --as-delivered` gives
// for the same packets, to the byte, and something else than without the key.

import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeFrames } from "../../src/capture/index.js";
import { parseConfig } from "../../src/config/load.js";
import { decap, engineOptions } from "../../src/datapath/index.js";
import type { Session } from "../../src/engine/index.js";
import { parseMac } from "../reference/address.js";
import * as make from "../reference/packets.js";
import { hex } from "./exactly.js";
import { framesIn } from "./frames-in.js";
import { Gateway } from "./gateway.js";
import { Lab } from "./lab.js";
import { lacks } from "./requirements.js";
import { GATEWAY, HOST, Site } from "./site.js";
import { Sniffer } from "./sniffer.js";
import { pause } from "./until.js";

const TIMEOUT = 60_000;
const OURS = { mac: "02:00:00:00:0d:01", address: "198.51.100.1" };
const IDS = "02:00:00:00:0a:01";

interface Sent {
  readonly frame: Uint8Array;
  /** Milliseconds after the first. */
  readonly at: number;
}

const outer = (protocol: number, payload: Uint8Array, fields: make.Ipv4Fields = {}): Uint8Array =>
  make.ethernet(
    0x0800,
    make.ipv4(protocol, payload, { source: HOST.ipv4, destination: GATEWAY.ipv4, ...fields }),
    parseMac(HOST.mac),
    parseMac(GATEWAY.mac),
  );
const now = (...frames: Uint8Array[]): Sent[] => frames.map((frame) => ({ frame, at: 0 }));
/** What a machine says, so many bytes of it. */
const said = (length: number, source = "10.1.0.5", destination = "10.1.0.6", flow = 0): Uint8Array =>
  make.ethernet(
    0x0800,
    make.ipv4(17, make.udp(443, new Uint8Array(length - 42).fill(length), length - 34, 1000 + flow), {
      source,
      destination,
    }),
  );
const erspan2 = (inner: Uint8Array, fields: make.Erspan2Fields = {}, sequence = 1) =>
  make.gre(0x88be, make.erspan2(inner, { session: 100, ...fields }), { sequence });
const erspan3 = (inner: Uint8Array, fields: make.Erspan3Fields = {}) =>
  make.gre(0x22eb, make.erspan3(inner, { session: 100, ...fields }), { sequence: 1 });
const vxlan = (inner: Uint8Array, port = 4789) => make.udp(port, make.vxlan(100, inner));
/** A datagram in pieces of 1,000 bytes. */
const pieces = (payload: Uint8Array, id: number): Uint8Array[] =>
  Array.from({ length: Math.ceil(payload.length / 1000) }, (_, i) => {
    const isLast = (i + 1) * 1000 >= payload.length;
    const fragment = (isLast ? 0 : 0x2000) | (i * 125);
    return outer(47, payload.subarray(i * 1000, (i + 1) * 1000), { id, fragment });
  });
const some = now(...[60, 200, 1400].map((length) => outer(47, erspan2(said(length)))));
/** More than a bucket holds. */
const much = Array.from({ length: 120 }, () => some).flat();
const flows = now(
  ...Array.from({ length: 64 }, (_, i) => outer(47, erspan2(said(100, `10.1.0.${i}`, "10.2.0.1", i), {}, i))),
);
const shared = { encapsulation: "erspan", session: 7, direction: "trusted" };
const between = (outgoing: boolean) =>
  outer(47, make.gre(0x22eb, make.erspan3(said(100, "10.1.0.5", "10.2.0.6"), { session: 7, outgoing })));

const SOURCES = [
  { encapsulation: "erspan", session: 100 },
  { encapsulation: "vxlan", vni: 100 },
  { encapsulation: "geneve", vni: 100 },
  { encapsulation: "gre", key: 100 },
];
const acme = (more: object) => ({
  tenants: [{ name: "acme", sources: SOURCES, sniffers: ["ids"], ...more }],
});
const ids = (words: object, more: object = {}) => ({
  sniffers: [{ name: "ids", mac: IDS, ...words }],
  ...more,
});
const two = (more: object, weight = 1) => ({
  sniffers: ["a", "b"].map((name, i) => ({
    name,
    deliver: "mac",
    mac: `02:00:00:00:0a:0${i + 1}`,
    ...(i === 0 ? { weight } : {}),
  })),
  tenants: [{ name: "acme", sources: SOURCES, sniffers: ["a", "b"], ...more }],
});
const gre = { deliver: "gre", to: "198.51.100.9" };

/** A key, what it is among the usual ones, what it is compared with (the usual when absent), and the packets that show it. */
const ROWS: [key: string, patch: object, packets: Sent[], other?: object][] = [
  [
    "decode.depth",
    { decode: { depth: 2 } },
    now(outer(17, vxlan(outer(17, vxlan(said(90)), { destination: "10.9.9.9" })))),
  ],
  [
    "decode.checksums",
    { decode: { checksums: "ignore" } },
    now(outer(47, erspan2(said(90)), { badChecksum: true })),
  ],
  [
    "decode.restoreVlan: never",
    { decode: { restoreVlan: "never" } },
    now(outer(47, erspan2(said(90), { en: 2, vlan: 30 }))),
  ],
  [
    "decode.restoreVlan: always",
    { decode: { restoreVlan: "always" } },
    now(outer(47, erspan3(said(90), { vlan: 30 }))),
  ],
  [
    "decode.sequenceScope",
    { decode: { sequenceScope: "tunnel" } },
    now(...[1, 2, 3, 4].map((i) => outer(47, erspan2(said(90), { session: 99 + (i & 1) }, i)))),
  ],
  [
    "decode.greEthernet",
    { decode: { greEthernet: [0x88b5] } },
    now(outer(47, make.gre(0x88b5, said(90), { key: 100 }))),
  ],
  [
    "decode.lenient",
    { decode: { lenient: true } },
    now(outer(17, make.udp(6081, make.geneve(100, 0x6558, said(90), [0, 1, 0x80, 0], 0x40)))),
  ],
  [
    "decode.reassembly.timeout",
    { decode: { reassembly: { timeout: "100ms" } } },
    pieces(erspan2(said(1400)), 1).map((frame, i) => ({ frame, at: 400 * i })),
  ],
  [
    "decode.reassembly.perSource",
    { decode: { reassembly: { perSource: "2KiB" } } },
    now(...pieces(erspan2(said(4000)), 2)),
  ],
  [
    "decode.reassembly.memory",
    { decode: { reassembly: { memory: "2KiB", perSource: "2KiB" } } },
    now(...pieces(erspan2(said(4000)), 3)),
  ],
  [
    "tunnel.ports",
    { tunnel: { ports: { vxlan: [5555] } } },
    now(outer(17, vxlan(said(90), 5555)), outer(17, vxlan(said(91)))),
  ],
  [
    "tenants[].addresses",
    acme({ addresses: ["10.7.0.0/16"] }),
    now(outer(47, erspan2(said(90))), outer(47, erspan2(said(91, "10.7.0.1")))),
  ],
  [
    "tenants[].nonIp",
    acme({ addresses: ["10.7.0.0/16"], nonIp: "deliver" }),
    now(outer(47, erspan2(make.ethernet(0x88b5, new Uint8Array(60))))),
    acme({ addresses: ["10.7.0.0/16"] }),
  ],
  ["tenants[].snaplen", acme({ snaplen: 100 }), some],
  ["tenants[].rate", acme({ rate: "1kbit" }), much],
  ["tenants[].fanout: copy", two({ fanout: "copy" }), flows],
  ["tenants[].fanout: balance", two({ fanout: "balance" }), flows, two({})],
  ["sniffers[].weight", two({ fanout: "balance" }, 50), flows, two({ fanout: "balance" })],
  [
    "sharedSources[].direction",
    {
      ...two({}),
      sharedSources: [shared],
      tenants: ["10.1.0.0/16", "10.2.0.0/16"].map((own, i) => ({
        name: own[3],
        addresses: [own],
        sniffers: ["ab"[i]],
      })),
    },
    now(between(false), between(true)),
  ],
  ["sniffers[].vlan", ids({ deliver: "mac", vlan: 210 }), some],
  ["sniffers[].sourceMac", ids({ deliver: "mac", sourceMac: "interface" }), some],
  ["sniffers[].ip", ids({ deliver: "ip", ip: "198.51.100.9" }), some],
  ["sniffers[].rate", ids({ deliver: "mac", rate: "1kbit" }), much],
  ["sniffers[].key", ids({ ...gre, key: 55 }), some, ids(gre)],
  ["sniffers[].fit: truncate", ids(gre, { delivery: { mtu: 600 } }), some, ids(gre)],
  [
    "sniffers[].fit: fragment",
    ids({ ...gre, fit: "fragment" }, { delivery: { mtu: 600 } }),
    some,
    ids(gre, { delivery: { mtu: 600 } }),
  ],
  [
    "sniffers[].fit: drop",
    ids({ ...gre, fit: "drop" }, { delivery: { mtu: 600 } }),
    some,
    ids(gre, { delivery: { mtu: 600 } }),
  ],
  [
    "sniffers[].session",
    ids({ ...gre, deliver: "erspan2", session: 5 }),
    some,
    ids({ ...gre, deliver: "erspan2", session: 6 }),
  ],
  [
    "sniffers[].index",
    ids({ ...gre, deliver: "erspan2", session: 5, index: 9 }),
    some,
    ids({ ...gre, deliver: "erspan2", session: 5 }),
  ],
  [
    "sniffers[].vni",
    ids({ ...gre, deliver: "geneve", vni: 5 }),
    some,
    ids({ ...gre, deliver: "geneve", vni: 6 }),
  ],
  [
    "sniffers[].port",
    ids({ ...gre, deliver: "vxlan", vni: 5, port: 8472 }),
    some,
    ids({ ...gre, deliver: "vxlan", vni: 5 }),
  ],
  [
    "sniffers[].udpChecksum",
    ids({ ...gre, deliver: "vxlan", vni: 5, udpChecksum: true }),
    some,
    ids({ ...gre, deliver: "vxlan", vni: 5 }),
  ],
  ["delivery.addresses", ids(gre, { delivery: { addresses: ["198.51.100.77"] } }), some, ids(gre)],
  ["delivery.mac", ids(gre, { delivery: { mac: "02:00:00:00:0d:77" } }), some, ids(gre)],
];

interface Outcome {
  readonly frames: readonly string[];
  readonly counters: Readonly<Record<string, number>>;
  readonly sessions: readonly object[];
}

describe.skipIf(lacks())("as decap --as-delivered", () => {
  let lab: Lab;
  let site: Site;
  let destination: string;
  let files = 0;
  beforeAll(async () => {
    lab = new Lab();
    site = await Site.build(lab, { host: "nothing" });
    destination = await site.deliveryCable({ near: { mac: OURS.mac, addresses: [`${OURS.address}/24`] } });
  }, TIMEOUT);
  afterAll(() => lab.close(), TIMEOUT);

  function whole(patch: Record<string, unknown>, offline: object): Record<string, unknown> {
    const usual = { ...ids({ deliver: "mac" }), ...acme({}), ...patch };
    return {
      ...usual,
      tunnel: { interface: "tunnel", addresses: [GATEWAY.ipv4], ...(patch.tunnel as object) },
      delivery: { interface: "delivery", mtu: 1900, ...offline, ...(patch.delivery as object) },
    };
  }

  /** By `decap`, which is told what the delivery interface has. */
  async function offline(patch: object, packets: readonly Sent[]): Promise<Outcome> {
    const text = JSON.stringify(whole({ ...patch }, { mac: OURS.mac, addresses: [OURS.address] }));
    const { config, mistakes } = parseConfig(text, "g.yaml");
    if (config === undefined) throw new Error(JSON.stringify(mistakes));
    const directory = join(lab.directory, `decap-${++files}`);
    const capture = join(lab.directory, `sent-${files}.pcapng`);
    const frames = packets.map(({ frame, at }) => ({
      data: frame,
      timestamp: BigInt(at) * 1_000_000n,
      linkType: 1,
    }));
    await writeFrames(frames, capture);
    const engine = engineOptions(config.decode, config.tunnel.ports);
    const report = await decap({
      inputs: [capture],
      config,
      engine,
      directory,
      asDelivered: true,
      comments: false,
    });
    if (report.failure !== undefined) throw report.failure;
    const delivered: Uint8Array[] = [];
    for (const { name } of config.sniffers)
      delivered.push(...(await framesIn(join(directory, `${name}.pcapng`))));
    return outcome(delivered, report.counters, report.sessions);
  }

  async function live(patch: object, packets: readonly Sent[], expected: number): Promise<Outcome> {
    const sniffer = await Sniffer.start(lab, destination, "cable", { filter: "not arp" });
    const gateway = await Gateway.forTest(lab, site.gateway, whole({ ...patch }, {}));
    const port = lab.port(site.host, "under");
    let at = 0;
    for (const each of packets) {
      if (each.at > at) await pause(each.at - at);
      at = each.at;
      await port.replay([each.frame]);
    }
    const steered = "tunnel" in patch ? packets.length - 1 : packets.length;
    await gateway.has({ received: steered });
    const balance = await gateway.stop();
    if (expected > 0) await sniffer.has(expected);
    return outcome(await sniffer.finish(), balance.counters, balance.sessions);
  }

  test.each(ROWS)("%s", async (_, patch, packets, other = {}) => {
    const expected = await offline(patch, packets);
    expect(await offline(other, packets)).not.toEqual(expected);
    expect(await live(patch, packets, expected.frames.length)).toEqual(expected);
  });
});

/** Of packets that the program of the tunnel interface leaves to the kernel `decap` says that they are in no tunnel. */
const ASIDE = ["received", "not-tunnel"];

function outcome(
  frames: readonly Uint8Array[],
  counters: Readonly<Record<string, number>>,
  sessions: readonly Session[],
): Outcome {
  const told = Object.entries(counters).filter(([name, count]) => count > 0 && !ASIDE.includes(name));
  return {
    frames: frames.map(hex).sort(),
    counters: Object.fromEntries(told),
    sessions: [...sessions].sort((a, b) => (a.id ?? 0) - (b.id ?? 0)),
  };
}
