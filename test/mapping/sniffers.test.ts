// Sniffer records, field by field: a sniffer as written in gateway.yaml, and what the engine is told of it.

import { describe, expect, test } from "vitest";
import { Delivery } from "../../assembly/delivery.js";
import * as at from "../../assembly/memory/layout.js";
import type { SpangateError } from "../../src/errors.js";
import { type CompileOptions, compileMap } from "../../src/mapping/index.js";
import { oneTenant } from "./configuration.js";

interface Fields {
  mode: number;
  fit: number;
  flags: number;
  destinationMac: string;
  vlan: number;
  sourceMac: string;
  port: number;
  mtu: number;
  id: number;
  index: number;
  source: string;
  address: string;
  state: number;
  datagrams: number;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

function fieldsOf(sniffers: Uint8Array, record = 0): Fields {
  const bytes = sniffers.slice(record * at.SNIFFER_SIZE, (record + 1) * at.SNIFFER_SIZE);
  const view = new DataView(bytes.buffer);
  const u16 = (offset: number) => view.getUint16(offset, true);
  const u32 = (offset: number) => view.getUint32(offset, true);
  const part = (offset: number, length: number) => hex(bytes.subarray(offset, offset + length));
  return {
    mode: bytes[at.SNIFFER_MODE]!,
    fit: bytes[at.SNIFFER_FIT]!,
    flags: u16(at.SNIFFER_FLAGS),
    destinationMac: part(at.SNIFFER_DESTINATION_MAC, 6),
    vlan: u16(at.SNIFFER_VLAN),
    sourceMac: part(at.SNIFFER_SOURCE_MAC, 6),
    port: u16(at.SNIFFER_PORT),
    mtu: u32(at.SNIFFER_MTU),
    id: u32(at.SNIFFER_ID),
    index: u32(at.SNIFFER_INDEX),
    source: part(at.SNIFFER_SOURCE, 16),
    address: part(at.SNIFFER_ADDRESS, 16),
    state: u32(at.SNIFFER_STATE),
    datagrams: u32(at.SNIFFER_DATAGRAMS),
  };
}

const NONE = "00".repeat(16);
const mapped = (ipv4: string) => `00000000000000000000ffff${ipv4}`;
/** What every tunnel over IPv4 to 192.0.2.10 has, offline and without addresses of its own. */
const tunnel = {
  fit: at.FIT_TRUNCATE,
  flags: 0,
  destinationMac: "020000000002",
  vlan: 0,
  sourceMac: "020000000001",
  port: 0,
  mtu: 1500,
  id: 0,
  index: 0,
  source: mapped("00000000"),
  address: mapped("c000020a"),
  state: 1,
  datagrams: 1,
};
const onSegment = {
  fit: 0,
  flags: 0,
  destinationMac: "020000000a01",
  vlan: 0,
  sourceMac: "020000000001",
  port: 0,
  mtu: 0,
  id: 0,
  index: 0,
  source: NONE,
  address: NONE,
  state: 0,
  datagrams: 0,
};
const mac = "02:00:00:00:0a:01";
const to = "192.0.2.10";

const rows: [string, object, Fields, (object | CompileOptions)?, CompileOptions?][] = [
  ["mac", { deliver: "mac", mac }, { ...onSegment, mode: Delivery.Mac }],
  [
    "mac, tagged, from the interface",
    { deliver: "mac", mac, vlan: 210, sourceMac: "interface" },
    { ...onSegment, mode: Delivery.Mac, vlan: 210, flags: at.SNIFFER_OWN_SOURCE, sourceMac: "0a0000000001" },
    { delivery: { mac: "0a:00:00:00:00:01" } },
  ],
  [
    "ip",
    { deliver: "ip", mac, ip: "10.9.0.1" },
    { ...onSegment, mode: Delivery.Ip, address: mapped("0a090001") },
  ],
  [
    "ip, of version 6",
    { deliver: "ip", mac, ip: "2001:db8::9", sourceMac: "interface" },
    {
      ...onSegment,
      mode: Delivery.Ip,
      flags: at.SNIFFER_IPV6 | at.SNIFFER_OWN_SOURCE,
      address: "20010db8000000000000000000000009",
    },
  ],
  ["vxlan", { deliver: "vxlan", to, vni: 77 }, { ...tunnel, mode: Delivery.Vxlan, id: 77, port: 4789 }],
  [
    "vxlan, everything said",
    { deliver: "vxlan", to, vni: 0xffffff, mac, vlan: 7, fit: "fragment", port: 8472, udpChecksum: true },
    {
      ...tunnel,
      mode: Delivery.Vxlan,
      id: 0xffffff,
      destinationMac: "020000000a01",
      vlan: 7,
      fit: at.FIT_FRAGMENT,
      port: 8472,
      flags: at.SNIFFER_CHECKSUM,
      mtu: 9000,
      source: mapped("0a0a0a0a"),
    },
    {
      delivery: { mtu: 9000, addresses: ["2001:db8::a", "10.10.10.10"] },
      tunnel: { addresses: ["10.77.0.2"] },
    },
  ],
  [
    "geneve over IPv6, from the tunnel address",
    { deliver: "geneve", to: "2001:db8::b", vni: 1 },
    {
      ...tunnel,
      mode: Delivery.Geneve,
      id: 1,
      port: 6081,
      flags: at.SNIFFER_IPV6,
      source: "20010db8000000000000000000000002",
      address: "20010db800000000000000000000000b",
    },
    { tunnel: { addresses: ["10.77.0.2", "2001:db8::2"] } },
  ],
  [
    "geneve over IPv6, from nowhere",
    { deliver: "geneve", to: "2001:db8::b", vni: 1 },
    {
      ...tunnel,
      mode: Delivery.Geneve,
      id: 1,
      port: 6081,
      flags: at.SNIFFER_IPV6,
      source: NONE,
      address: "20010db800000000000000000000000b",
    },
    { tunnel: { addresses: ["10.77.0.2"] } },
  ],
  ["gre without a key", { deliver: "gre", to }, { ...tunnel, mode: Delivery.Gre }],
  [
    "gre with key 0",
    { deliver: "gre", to, key: 0, fit: "drop" },
    { ...tunnel, mode: Delivery.Gre, flags: at.SNIFFER_KEY, fit: at.FIT_DROP },
  ],
  [
    "gre with the greatest key, from the interface's address and the configured MAC",
    { deliver: "gre", to, key: 0xffffffff },
    {
      ...tunnel,
      mode: Delivery.Gre,
      flags: at.SNIFFER_KEY,
      id: 0xffffffff,
      source: mapped("c0000201"),
      sourceMac: "0a0000000001",
    },
    { tunnel: { addresses: ["10.77.0.2"] }, delivery: { mac: "0a:00:00:00:00:01" } },
    { origin: { mac: Uint8Array.of(12, 0, 0, 0, 0, 1), ipv4: Uint8Array.of(192, 0, 2, 1) } },
  ],
  [
    "gre by an interface without an address",
    { deliver: "gre", to },
    {
      ...tunnel,
      mode: Delivery.Gre,
      flags: at.SNIFFER_UNREACHABLE,
      source: "0".repeat(32),
      sourceMac: "0c0000000001",
    },
    { tunnel: { addresses: ["10.77.0.2"] } },
    { origin: { mac: Uint8Array.of(12, 0, 0, 0, 0, 1) } },
  ],
  [
    "erspan2",
    { deliver: "erspan2", to, session: 100, index: 0xfffff },
    { ...tunnel, mode: Delivery.Erspan2, id: 100, index: 0xfffff, state: 1, datagrams: 2 },
  ],
  [
    "erspan3",
    { deliver: "erspan3", to, session: 0 },
    { ...tunnel, mode: Delivery.Erspan3, state: 1, datagrams: 2 },
  ],
];

test.each(rows)("%s", (_, sniffer, fields, rest = {}, options = {}) => {
  const config = oneTenant([sniffer], {}, rest);
  const { image } = compileMap(config, { delivery: "configured", ...options });
  expect(Array.from(image.sniffersOfRecords)).toEqual([0]);
  expect(image.sniffers).toHaveLength(at.SNIFFER_SIZE);
  expect(fieldsOf(image.sniffers)).toEqual(fields);
});

test("whoever sends by the kernel has fragments cut there, and marks who may be cut", () => {
  const config = oneTenant([
    { deliver: "vxlan", to, vni: 1, fit: "fragment" },
    { deliver: "vxlan", to, vni: 2, fit: "drop" },
  ]);
  const nextHop = (_: unknown, fit: string) => Uint8Array.of(2, 0, 0, 0, 0, fit === "fragment" ? 1 : 0);
  const { image } = compileMap(config, { delivery: "configured", origin: { nextHop, splits: true } });
  expect([0, 1].map((i) => fieldsOf(image.sniffers, i))).toMatchObject([
    { fit: at.FIT_FRAGMENT, mtu: 65_535, destinationMac: "020000000001" },
    { fit: at.FIT_DROP, mtu: 1500, destinationMac: "020000000000" },
  ]);
});

describe("cells of destinations", () => {
  test("one for an end and session, whatever the type; identification by the end alone", () => {
    const config = oneTenant([
      { deliver: "erspan2", to, session: 1 },
      { deliver: "erspan3", to, session: 1 },
      { deliver: "erspan2", to, session: 2 },
      { deliver: "vxlan", to, vni: 1 },
      { deliver: "erspan2", to: "192.0.2.11", session: 1 },
    ]);
    const { image } = compileMap(config, { delivery: "configured" });
    const records = [0, 1, 2, 3, 4].map((i) => fieldsOf(image.sniffers, i));
    expect(records.map(({ state }) => state)).toEqual([1, 1, 3, 2, 4]);
    expect(records.map(({ datagrams }) => datagrams)).toEqual([2, 2, 2, 2, 5]);
    expect(new Set(image.cells.destinations).size).toBe(5);
  });
});

describe("without delivery", () => {
  const config = oneTenant([{ deliver: "mac", mac, rate: "1Mbit" }], { rate: "1Gbit", snaplen: 64 });

  test("there are no sniffers in the image; the snaplen stays", () => {
    const { image } = compileMap(config);
    expect([image.sniffers, image.sniffersOfTenants, image.queues].map(({ length }) => length)).toEqual([
      0, 0, 0,
    ]);
    const words = new Uint32Array(image.tenants.buffer, image.tenants.byteOffset, at.TENANT_SIZE / 4);
    expect(words[at.TENANT_SNAPLEN / 4]).toBe(64);
    expect(words[at.TENANT_SNIFFER_COUNT / 4]).toBe(0);
    expect(words[at.TENANT_BUCKET / 4]).toBe(0);
  });

  test("whole packets are 2^32 - 1 bytes", () => {
    const { tenants } = compileMap(oneTenant([{}])).image;
    expect(new DataView(tenants.buffer, tenants.byteOffset).getUint32(at.TENANT_SNAPLEN, true)).toBe(
      0xffffffff,
    );
  });
});

describe("plain delivery", () => {
  test("every sniffer is one, of whatever mode; only a rate needs a record", () => {
    const config = oneTenant([
      { deliver: "vxlan", to, vni: 1 },
      { deliver: "mac", mac, rate: "1Mbit", queue: 7, overflow: "drop-oldest" },
    ]);
    const { image } = compileMap(config, { delivery: "plain" });
    expect(Array.from(image.sniffersOfRecords)).toEqual([1]);
    expect(fieldsOf(image.sniffers)).toEqual({
      ...onSegment,
      mode: Delivery.Plain,
      destinationMac: "000000000000",
      sourceMac: "000000000000",
    });
    expect(image.cells.destinations).toEqual([]);
    expect(image.queues.map(({ name, queue, overflow }) => [name, queue, overflow])).toEqual([
      ["s0", 1024, "drop-newest"],
      ["s1", 7, "drop-oldest"],
    ]);
  });

  test("configured, a file and a TAP interface are plain too", () => {
    const config = oneTenant([
      {},
      { deliver: "pcap", directory: "d" },
      { deliver: "tap", interface: "t0" },
      { deliver: "mac", mac },
    ]);
    expect(Array.from(compileMap(config, { delivery: "configured" }).image.sniffersOfRecords)).toEqual([3]);
  });
});

test("tenants find their sniffers in any order, and an unknown name is refused", () => {
  const sniffers = Array.from({ length: 300 }, (_, i) => ({ name: `sniffer-${i}` }));
  const order = sniffers.map((_, i) => (i * 77) % 300);
  const config = oneTenant(sniffers, { sniffers: order.map((i) => `sniffer-${i}`) });
  expect(Array.from(compileMap(config, { delivery: "plain" }).image.sniffersOfTenants)).toEqual(order);
  config.tenants[0]!.sniffers = ["sniffer-3", "sniffer-300"];
  expect(() => compileMap(config, { delivery: "plain" })).toThrow(
    expect.objectContaining({ code: "CONFIG_INVALID" } satisfies Partial<SpangateError>),
  );
});
