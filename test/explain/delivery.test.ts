// What each sniffer gets, mode by mode: what changed, what stands in front, what was cut, and why something was refused.

import { describe, expect, test } from "vitest";
import type { PacketRecord } from "../../src/explain/index.js";
import { recordText } from "../../src/explain/index.js";
import * as make from "../reference/packets.js";
import { deliveryOf, explainFrames } from "./explained.js";
import { erspan2, overGre } from "./tunnels.js";

const HEAD = `
tunnel: { addresses: [192.0.2.2, "2001:db8::2"] }
delivery: { mtu: 1500, mac: "02:00:00:00:00:99" }
`;

/** Tenant acme with ERSPAN session 1; `more` is of the tenant. */
const gateway = (sniffers: readonly string[], more = "") =>
  deliveryOf(`${HEAD}
sniffers:
${sniffers.map((text, i) => `- { name: s${i + 1}, ${text} }`).join("\n")}
tenants:
- { name: acme, sources: [{ encapsulation: erspan }], sniffers: [${sniffers.map((_, i) => `s${i + 1}`).join(", ")}]${more} }
`);

/** UDP over IPv4 with a checksum, which is wrong and stays wrong. */
const udpFrame = (length: number) => {
  const addresses = { source: "10.1.0.5", destination: "10.1.0.6" };
  const frame = make.ethernet(0x0800, make.ipv4(17, make.udp(9, new Uint8Array(length - 42)), addresses));
  frame.set([0x12, 0x34], 40);
  return frame;
};

/** A TCP segment over IPv6 that has a checksum. */
const tcp6 = make.ethernet(
  0x86dd,
  make.ipv6(6, make.join(make.be16(80), make.be16(81), new Uint8Array(12), [0x12, 0x34, 0, 0]), {}),
);

const paint = { title: String, quiet: String, good: String, bad: String };
/** Lines about sniffers, unbroken. */
const linesOf = (record: PacketRecord, whole = false) =>
  recordText(record, paint, 1000, whole)
    .split("\n")
    .filter((line) => /^ {2}(not )?to /.test(line));

const one = async (frame: Uint8Array, sniffers: readonly string[], more = "") => {
  const [record] = await explainFrames([overGre(erspan2(1, frame))], gateway(sniffers, more));
  return record!;
};

const MAC = 'mac: "02:00:00:00:0a:01"';
const small = udpFrame(98);
const large = udpFrame(1514);

interface Row {
  deliver: string;
  frame: Uint8Array;
  line: RegExp;
  about: object;
  headers?: object[];
}

const ethernet = { source: "02:00:00:00:00:99", destination: "02:00:00:00:00:02" };
const inFront = (...headers: object[]) => headers.map((fields) => expect.objectContaining(fields));
const fields = (name: string, about: object) => ({ name, fields: expect.objectContaining(about) });

const rows: Row[] = [
  {
    deliver: `deliver: mac, ${MAC}`,
    frame: small,
    line: /^ {2}to s1 \(its MAC address\): 98 bytes, destination MAC 02:bb:00:00:00:0b -> 02:00:00:00:0a:01$/,
    about: {
      way: "its MAC address",
      frames: [{ length: 98 }],
      changes: [{ field: "destination MAC", offset: 0, before: "02:bb:00:00:00:0b" }],
    },
  },
  {
    deliver: `deliver: mac, ${MAC}, vlan: 210, sourceMac: interface`,
    frame: small.subarray(0, 50),
    line: /: 60 bytes, destination MAC \S+ -> \S+, source MAC \S+ -> 02:00:00:00:00:99, VLAN tag 210 pushed, 6 bytes of padding$/,
    about: {
      frames: [{ length: 60, padding: 6 }],
      sentLength: 50,
      changes: [
        { field: "destination MAC" },
        { field: "source MAC" },
        { field: "VLAN tag", offset: 12, after: "210" },
      ],
    },
  },
  {
    deliver: `deliver: ip, ${MAC}, ip: 203.0.113.99, vlan: 7`,
    frame: small,
    line: /VLAN tag 7 pushed, destination IP 10\.1\.0\.6 -> 203\.0\.113\.99, IPv4 checksum 0x\w{4} -> 0x\w{4}, UDP checksum 0x\w{4} -> 0x\w{4}$/,
    about: {
      changes: [
        { field: "destination MAC", offset: 0 },
        { field: "VLAN tag", offset: 12 },
        { field: "destination IP", offset: 34 },
        { field: "IPv4 checksum", offset: 28 },
        { field: "UDP checksum", offset: 44 },
      ],
    },
  },
  {
    deliver: `deliver: ip, ${MAC}, ip: "2001:db8:ff::99"`,
    frame: tcp6,
    line: /destination IP 2001:db8::2 -> 2001:db8:ff::99, TCP checksum 0x1234 -> 0x\w{4}$/,
    about: { changes: [{ offset: 0 }, { offset: 38 }, { field: "TCP checksum", offset: 70 }] },
  },
  {
    deliver: `deliver: ip, ${MAC}, ip: "2001:db8:ff::99"`,
    frame: small,
    line: /destination MAC \S+ -> \S+, the destination IP left as it is$/,
    about: { changes: [{ offset: 0 }] },
  },
  {
    deliver: "deliver: vxlan, to: 203.0.113.10, vni: 77",
    frame: small,
    line: /^ {2}to s1 \(VXLAN to 203\.0\.113\.10\): 148 bytes, 50 bytes in front: IPv4 192\.0\.2\.2 -> 203\.0\.113\.10, UDP \d+ -> 4789, VXLAN VNI 77$/,
    about: { frames: [{ length: 148 }], sentLength: 98, cuts: [], changes: [] },
    headers: [
      fields("Ethernet", ethernet),
      fields("IPv4", { ttl: 64, dontFragment: true, totalLength: 134, destination: "203.0.113.10" }),
      fields("UDP", { destinationPort: 4789, checksum: "0x0000", length: 114 }),
      fields("VXLAN", { vni: 77, flags: 8 }),
      { name: "inner frame", offset: 50, length: 98 },
    ],
  },
  {
    deliver: 'deliver: geneve, to: "2001:db8:ff::12", vni: 81, vlan: 9, port: 6082',
    frame: small,
    line: /172 bytes, 74 bytes in front: VLAN tag 9, IPv6 2001:db8::2 -> 2001:db8:ff::12, UDP \d+ -> 6082, GENEVE VNI 81$/,
    about: { frames: [{ length: 172 }] },
    headers: [
      fields("Ethernet", ethernet),
      fields("VLAN tag", { vid: 9 }),
      fields("IPv6", { hopLimit: 64, flowLabel: expect.any(Number) }),
      fields("UDP", { checksum: expect.stringMatching(/^0x(?!0000)/) }),
      fields("GENEVE", { vni: 81, protocol: "0x6558" }),
      { name: "inner frame", offset: 74 },
    ],
  },
  {
    deliver: "deliver: gre, to: 203.0.113.13, key: 4294967295",
    frame: small,
    line: /GRE key 4294967295$/,
    about: { frames: [{ length: 140 }] },
    headers: [
      {},
      {},
      fields("GRE", { flags: "K", key: 4294967295, protocol: "0x6558" }),
      { name: "inner frame", offset: 42 },
    ],
  },
  {
    deliver: "deliver: erspan2, to: 203.0.113.14, session: 1023, index: 5",
    frame: large,
    line: /1514 bytes, cut from 1514 to 1464 bytes to fit the MTU \(T set\), 50 bytes in front: .*GRE sequence 0, ERSPAN II session 1023$/,
    about: {
      frames: [{ length: 1514 }],
      sentLength: 1464,
      cuts: [{ by: "fit", from: 1514, to: 1464 }],
    },
    headers: [
      {},
      {},
      fields("GRE", { flags: "S", sequence: 0 }),
      fields("ERSPAN II", { session: 1023, index: 5, truncated: true }),
      { name: "inner frame", offset: 50, length: 1464 },
    ],
  },
  {
    deliver: 'deliver: erspan3, to: "2001:db8:ff::15", session: 6, mac: "02:00:00:00:00:77"',
    frame: small,
    line: /ERSPAN III session 6$/,
    about: {},
    headers: [
      fields("Ethernet", { destination: "02:00:00:00:00:77" }),
      {},
      {},
      fields("ERSPAN III", { session: 6, granularity: 2, truncated: false }),
      {},
    ],
  },
  {
    deliver: "deliver: vxlan, to: 203.0.113.16, vni: 82, fit: fragment",
    frame: large,
    line: /: 2 IP fragments \(1480 bytes at 0, 50 bytes at 1480\), 50 bytes in front: /,
    about: {
      sentLength: 1514,
      frames: [
        { length: 1514, fragmentOffset: 0, dataLength: 1480 },
        { length: 84, fragmentOffset: 1480, dataLength: 50 },
      ],
    },
    headers: [{}, fields("IPv4", { moreFragments: true, identification: 0 }), {}, {}, { length: 1464 }],
  },
  {
    deliver: 'deliver: geneve, to: "2001:db8:ff::16", vni: 83, fit: fragment',
    frame: large,
    line: /: 2 IP fragments \(1448 bytes at 0, 82 bytes at 1448\), 78 bytes in front: /,
    about: { sentLength: 1514 },
    headers: [{}, {}, fields("fragment", { moreFragments: true, nextHeader: 17 }), {}, {}, {}],
  },
  {
    deliver: "queue: 5",
    frame: small,
    line: /^ {2}to s1 \(file\): 98 bytes as decoded$/,
    about: { deliver: "file", frames: [{ length: 98 }], sentLength: 98, changes: [], headers: [] },
  },
  {
    deliver: "deliver: tap, interface: tap0",
    frame: small,
    line: /\(TAP interface tap0\): 98 bytes as decoded$/,
    about: {},
  },
  {
    deliver: "deliver: pcap, directory: ./acme",
    frame: small,
    line: /\(files in \.\/acme\): 98 bytes as decoded$/,
    about: {},
  },
];

test.each(rows)("$deliver", async ({ deliver, frame, line, about, headers }) => {
  const record = await one(frame, [deliver]);
  expect(record).toMatchObject({
    verdict: "delivered",
    sniffers: ["s1"],
    deliveries: [{ sniffer: "s1", verdict: "delivered", ...about }],
  });
  if (headers !== undefined) expect(record.deliveries![0]!.headers).toEqual(inFront(...headers));
  const lines = linesOf(record);
  expect(lines).toEqual([expect.stringMatching(line)]);
});

describe("several sniffers", () => {
  test("files that get the same share a line", async () => {
    const record = await one(small, ["queue: 9", "queue: 10", `deliver: mac, ${MAC}`]);
    expect(linesOf(record)).toEqual([
      "  to s1, s2 (file): 98 bytes as decoded",
      expect.stringMatching(/^ {2}to s3 /),
    ]);
    expect(record.reason).toMatch(/, to s1, s2, s3; rule 1/);
  });

  test("balance: the place of the flow hash", async () => {
    const sniffers = [`deliver: mac, ${MAC}`, 'deliver: mac, mac: "02:00:00:00:0a:02"'];
    const there = await one(small, sniffers, ", fanout: balance");
    const { balance, sniffers: chosen } = there;
    expect(chosen).toHaveLength(1);
    expect(linesOf(there)).toHaveLength(1);
    expect(balance!.places).toBe(4096);
    expect(balance!.flowHash % 4096).toBe(balance!.place);
    expect(there.reason).toContain(
      `to ${chosen![0]} by place ${balance!.place} of 4096 in the balance (flow hash 0x`,
    );
  });

  test("snaplen is the tenant's, for every sniffer", async () => {
    const record = await one(
      large,
      [`deliver: mac, ${MAC}`, "deliver: vxlan, to: 203.0.113.10, vni: 1", "queue: 1"],
      ", snaplen: 100",
    );
    expect(linesOf(record)).toEqual([
      expect.stringMatching(/: 100 bytes, the first 100 of 1514 bytes by snaplen, destination MAC/),
      expect.stringMatching(/: 150 bytes, the first 100 of 1514 bytes by snaplen, 50 bytes in front/),
      expect.stringMatching(/: 100 bytes, the first 100 of 1514 bytes by snaplen as decoded$/),
    ]);
    for (const { cuts, sentLength } of record.deliveries!)
      expect([cuts, sentLength]).toEqual([[{ by: "snaplen", from: 1514, to: 100 }], 100]);
  });
});

test("the headers in front a line each, when asked for", async () => {
  const record = await one(small, ["deliver: vxlan, to: 203.0.113.10, vni: 77"]);
  const text = recordText(record, paint, 1000, true);
  expect(text.slice(text.indexOf("  to s1"))).toMatch(
    /^ {2}to s1 \(VXLAN to 203\.0\.113\.10\): 148 bytes, 50 bytes in front:\n {6}0 {2}Ethernet {14}02:00:00:00:00:99 -> 02:00:00:00:00:02, type 0x0800 \(IPv4\)\n {5}14 {2}IPv4 .*dont fragment, TTL 64.*\n {5}34 {2}UDP .*\n {5}42 {2}VXLAN {17}flags 8, VNI 77\n {5}50 {2}inner frame {11}98 bytes\n\n$/,
  );
});

describe("refusals", () => {
  test("too large for its way", async () => {
    const record = await one(large, ["deliver: vxlan, to: 203.0.113.10, vni: 1, fit: drop"]);
    expect(record).toMatchObject({ verdict: "too-large", sniffers: [] });
    expect(record.reason).toMatch(
      /rule 1: .*, but s1: 1514 bytes and the tunnel's headers are over the MTU of 1500; /,
    );
    expect(linesOf(record)).toEqual([]);
  });

  test("some take it", async () => {
    const record = await one(large, [
      "deliver: vxlan, to: 203.0.113.10, vni: 1, fit: drop",
      `deliver: mac, ${MAC}`,
    ]);
    expect(record).toMatchObject({ verdict: "delivered", sniffers: ["s2"] });
    expect(linesOf(record)).toEqual([
      expect.stringMatching(/^ {2}not to s1 \(VXLAN to 203\.0\.113\.10\): too-large: 1514 bytes and/),
      expect.stringMatching(/^ {2}to s2/),
    ]);
  });

  test("none of several takes it", async () => {
    const tooNarrow = "deliver: vxlan, to: 203.0.113.10, vni: 1, fit: drop";
    const record = await one(large, [tooNarrow, tooNarrow.replace("vni: 1", "vni: 2")]);
    expect(record.verdict).toBe("too-large");
    expect(record.reason).toMatch(/, but none of 2 sniffers took it; s1: 1514 bytes/);
    expect(linesOf(record)).toEqual([expect.stringMatching(/^ {2}not to s1, s2 /)]);
  });

  const burst = Array.from({ length: 100 }, () => overGre(erspan2(1, large)));

  test("a sniffer's rate", async () => {
    const records = await explainFrames(burst, gateway([`deliver: mac, ${MAC}, rate: 1500kbit`]));
    // 131,072 bytes, and what a millisecond adds.
    expect(records.findIndex(({ verdict }) => verdict === "rate")).toBeGreaterThan(85);
    const last = records.at(-1)!;
    expect(last.verdict).toBe("rate");
    expect(last.reason).toMatch(/, but s1: over its rate of 1\.5 Mbit\/s$/);
    expect(last.deliveries).toMatchObject([{ sniffer: "s1", verdict: "rate", frames: [] }]);
  });

  test("a tenant's rate", async () => {
    const records = await explainFrames(burst, gateway(["queue: 1"], ", rate: 1Mbit"));
    const last = records.at(-1)!;
    expect(last).toMatchObject({ verdict: "rate", tenant: "acme", sniffers: [], deliveries: [] });
    expect(last.reason).toMatch(/, but acme is over its rate of 1 Mbit\/s: no sniffer was chosen$/);
    expect(linesOf(last)).toEqual([]);
  });

  test("a fragment that is too large is told of as before", async () => {
    const [record] = await explainFrames(
      [make.ethernet(0x0800, make.ipv4(47, new Uint8Array(64), { fragment: 0x1fff }))],
      gateway(["queue: 1"]),
    );
    expect(record).toMatchObject({ verdict: "too-large", reason: expect.stringMatching(/of datagram 0/) });
    expect(record!.deliveries).toBeUndefined();
  });
});

test("an ERSPAN III header tells nothing of the packet before", async () => {
  const sniffer = deliveryOf(`${HEAD}
sniffers: [{ name: s1, deliver: erspan3, to: 203.0.113.1, session: 1 }]
tenants: [{ name: acme, sources: [{ encapsulation: erspan }], sniffers: [s1] }]
`);
  const typeIII = overGre(
    make.gre(0x22eb, make.erspan3(small, { session: 1, hardwareId: 0x2a, outgoing: true })),
  );
  const [first, second] = await explainFrames([typeIII, overGre(erspan2(1, small))], sniffer);
  const told = (record: PacketRecord) =>
    record.deliveries![0]!.headers.find(({ name }) => name === "ERSPAN III")!.fields;
  expect(told(first!)).toMatchObject({ hardwareId: 0x2a, direction: 1 });
  expect(told(second!)).toMatchObject({ hardwareId: 0, direction: 0 });
});

test("a datagram put together from fragments: what it was, and what became of it", async () => {
  const whole = erspan2(7, udpFrame(200));
  const piece = (from: number, to: number) =>
    make.ethernet(
      0x0800,
      make.ipv4(47, whole.subarray(from, to), {
        fragment: (to < whole.length ? 0x2000 : 0) | (from / 8),
      }),
    );
  const records = await explainFrames(
    [piece(0, 104), piece(104, whole.length)],
    gateway([`deliver: ip, ${MAC}, ip: 203.0.113.99`, "deliver: gre, to: 203.0.113.13"]),
  );
  expect(records.map(({ verdict }) => verdict)).toEqual(["reassembled", "delivered"]);
  expect(records[0]!.deliveries).toBeUndefined();
  expect(records[1]!.deliveries).toMatchObject([
    { sniffer: "s1", changes: [{}, { before: "10.1.0.6", after: "203.0.113.99" }, {}, {}] },
    { sniffer: "s2", sentLength: 200 },
  ]);
  expect(records[1]!.headers.find(({ name }) => name === "inner IPv4")).toMatchObject({
    fields: { destination: "10.1.0.6" },
  });
});
