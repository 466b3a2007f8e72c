// The tunnels to sniffers, over IPv4 and IPv6: whole frames.

import { expect, test } from "vitest";
import { engineDeliversAlike } from "../engine/delivery-agreement.js";
import { type DeliveryRow, deliveryRows, type SnifferFields, send } from "./delivery-rows.js";
import { flowHash } from "./flow.js";
import * as make from "./packets.js";
import { ethernet, gre, hex, ipv4, ipv6, join, udp } from "./packets.js";
import { frame, seal } from "./transport-packets.js";

const INTERFACE = hex("020000000001");
const NEXT_HOP = hex("020000000002");
const TO4 = "192.0.2.10";
const TO6 = "2001:db8:5::10";
const FROM4 = "198.51.100.1";
const FROM6 = "2001:db8:f::1";
const options = { addresses: [FROM4, FROM6, "198.51.100.2", "2001:db8:f::2"] };

const inner = frame("tcp", new Uint8Array(80).fill(0x5a), "10.1.0.1", "10.1.0.2");
const flowLabel = flowHash(inner) & 0xfffff;
const port = 49152 + (flowHash(inner) & 0x3fff);
const TIME = 1_700_000_000_123_456_789n;

/** An outer packet that may not be fragmented. */
const on4 = (protocol: number, payload: make.Bytes, source = FROM4) =>
  ethernet(
    0x0800,
    ipv4(protocol, payload, { source, destination: TO4, fragment: 0x4000 }),
    INTERFACE,
    NEXT_HOP,
  );
const on6 = (protocol: number, payload: make.Bytes, source = FROM6, label = flowLabel) =>
  ethernet(
    0x86dd,
    ipv6(protocol, payload, { source, destination: TO6, flowLabel: label }),
    INTERFACE,
    NEXT_HOP,
  );
const datagram = (to: number, payload: make.Bytes) => udp(to, payload, undefined, port);

/** One way of encapsulating, over both families. */
function both(name: string, sniffer: SnifferFields, protocol: number, payload: Uint8Array): DeliveryRow[] {
  const sent6 = protocol === 17 ? seal("udp", payload, FROM6, TO6) : payload;
  const about = { time: TIME, direction: "out" as const, hardwareId: 0x2a };
  return [
    {
      name: `${name} over IPv4`,
      inner,
      options,
      about,
      sniffer: { ...sniffer, to: TO4 },
      expected: on4(protocol, payload),
    },
    {
      name: `${name} over IPv6`,
      inner,
      options,
      about,
      sniffer: { ...sniffer, to: TO6 },
      expected: on6(protocol, sent6),
    },
  ];
}

const NANOSECONDS = 123_456_789;
const typeIII = { timestamp: NANOSECONDS, granularity: 2, protocolFrame: true };
deliveryRows("headers", [
  ...both("vxlan", { deliver: "vxlan", vni: 0x123456 }, 17, datagram(4789, make.vxlan(0x123456, inner))),
  ...both(
    "vxlan, another port",
    { deliver: "vxlan", vni: 0, port: 8472 },
    17,
    datagram(8472, make.vxlan(0, inner)),
  ),
  ...both(
    "geneve",
    { deliver: "geneve", vni: 0xffffff },
    17,
    datagram(6081, make.geneve(0xffffff, 0x6558, inner)),
  ),
  ...both(
    "geneve, another port",
    { deliver: "geneve", vni: 1, port: 6082 },
    17,
    datagram(6082, make.geneve(1, 0x6558, inner)),
  ),
  ...both("gre", { deliver: "gre" }, 47, gre(0x6558, inner)),
  ...both("gre with key", { deliver: "gre", key: 0xfedcba98 }, 47, gre(0x6558, inner, { key: 0xfedcba98 })),
  ...both("gre with key 0", { deliver: "gre", key: 0 }, 47, gre(0x6558, inner, { key: 0 })),
  ...both(
    "erspan2",
    { deliver: "erspan2", session: 1023, index: 0xfffff },
    47,
    gre(0x88be, make.erspan2(inner, { session: 1023, index: 0xfffff }), { sequence: 0 }),
  ),
  ...both(
    "erspan3",
    { deliver: "erspan3", session: 7 },
    47,
    gre(0x22eb, make.erspan3(inner, { session: 7, hardwareId: 0x2a, outgoing: true, ...typeIII }), {
      sequence: 0,
    }),
  ),
]);

const small = hex("ffffffffffff 02aa0000000a 88b5 01");
deliveryRows("written by hand", [
  {
    name: "vxlan: next hop, VLAN and interface given, padded",
    inner: small,
    options: { interfaceMac: "02:00:5e:00:00:01", addresses: ["10.0.0.1"] },
    sniffer: { deliver: "vxlan", to: "10.0.0.2", vni: 77, vlan: 3000, mac: "00:00:5e:00:01:0a" },
    // the hash of this frame's MACs and EtherType 0x88b5
    expected: join(
      hex("00005e00010a 02005e000001 8100 0bb8 0800 45000033 00004000 401126b8 0a000001 0a000002"),
      make.be16(49152 + (flowHash(small) & 0x3fff)),
      hex("12b5 001f 0000 08000000 00004d00"),
      small,
    ),
  },
  {
    name: "gre, offline: no address, no interface",
    inner: small,
    sniffer: { deliver: "gre", to: "10.0.0.2" },
    expected: join(
      hex("020000000002 020000000001 0800 45000027 00004000 402f30a7 00000000 0a000002 0000 6558"),
      small,
      new Uint8Array(7),
    ),
  },
  {
    name: "erspan3 of a frame that came in, no hardware id, a second and 5 ns",
    inner: small,
    options: { addresses: ["10.0.0.1"] },
    about: { time: 1_000_000_005n, direction: "in" },
    sniffer: { deliver: "erspan3", to: "10.0.0.2", session: 0x155 },
    expected: join(
      hex("020000000002 020000000001 0800 45000037 00004000 402f2696 0a000001 0a000002"),
      hex("1000 22eb 00000000 2000 0155 00000005 0000 8004"),
      small,
    ),
  },
]);

const tags = (tci: number) =>
  ethernet(0x88a8, make.tag(tci, 0x8100, make.tag(5, 0x0800, inner.subarray(14))));
const inSession = { deliver: "erspan2", to: TO4, session: 9 } as const;
const cut = inner.subarray(0, 60);
const tagCut = tags(0xa123).subarray(0, 17);
const II = (frame: Uint8Array, fields: make.Erspan2Fields) =>
  on4(47, gre(0x88be, make.erspan2(frame, { session: 9, ...fields }), { sequence: 0 }));
const III = (frame: Uint8Array, fields: make.Erspan3Fields) =>
  on4(
    47,
    gre(0x22eb, make.erspan3(frame, { session: 9, ...typeIII, timestamp: 0, ...fields }), { sequence: 0 }),
  );
deliveryRows("what ERSPAN says of the frame", [
  {
    name: "the first tag: VLAN, COS without DEI, En 3",
    inner: tags(0xb123),
    options,
    sniffer: inSession,
    expected: II(tags(0xb123), { vlan: 0x123, cos: 5, en: 3 }),
  },
  {
    name: "a priority tag",
    inner: tags(0xe000),
    options,
    sniffer: inSession,
    expected: II(tags(0xe000), { vlan: 0, cos: 7, en: 3 }),
  },
  {
    name: "type III",
    inner: tags(0xa123),
    options,
    sniffer: { ...inSession, deliver: "erspan3" },
    expected: III(tags(0xa123), { vlan: 0x123, cos: 5 }),
  },
  {
    name: "a tag that was not captured whole",
    inner: tagCut,
    options,
    sniffer: inSession,
    expected: II(tagCut, {}),
  },
  {
    name: "T: cut on its way here",
    inner: cut,
    about: { originalLength: inner.length },
    options,
    sniffer: inSession,
    expected: II(cut, { truncated: true }),
  },
  {
    name: "T: came with it, though nothing is known to be missing",
    inner: cut,
    about: { truncated: true },
    options,
    sniffer: { ...inSession, deliver: "erspan3" },
    expected: III(cut, { truncated: true }),
  },
  {
    name: "T: snaplen",
    inner,
    tenant: { snaplen: 60 },
    options,
    sniffer: { ...inSession, deliver: "erspan3" },
    expected: III(cut, { truncated: true }),
  },
  {
    name: "no T: snaplen is just enough",
    inner,
    tenant: { snaplen: inner.length },
    options,
    sniffer: inSession,
    expected: II(inner, {}),
  },
  {
    name: "no byte of the frame",
    inner: hex(""),
    about: { originalLength: 64 },
    options,
    sniffer: inSession,
    expected: join(II(hex(""), { truncated: true }), new Uint8Array(10)),
  },
]);

deliveryRows("the outer packet", [
  {
    name: "the flow of the whole frame, not of what snaplen leaves",
    inner,
    tenant: { snaplen: 30 },
    options,
    sniffer: { deliver: "gre", to: TO6 },
    expected: on6(47, gre(0x6558, inner.subarray(0, 30))),
  },
  {
    name: "udpChecksum over IPv4",
    inner,
    options,
    sniffer: { deliver: "vxlan", to: TO4, vni: 5, udpChecksum: true },
    expected: on4(17, seal("udp", datagram(4789, make.vxlan(5, inner)), FROM4, TO4)),
  },
  {
    name: "no address of the family",
    inner,
    options: { addresses: [FROM4] },
    sniffer: { deliver: "gre", to: TO6 },
    expected: on6(47, gre(0x6558, inner), "::"),
  },
]);

test("a UDP checksum that would be 0 is 0xffff", () => {
  const sniffer: SnifferFields = { deliver: "geneve", to: TO6, vni: 3 };
  const checksum = (at: Uint8Array) => at[60]! * 0x100 + at[61]!;
  const probe = ethernet(0x88b5, [0, 0]);
  const [sent] = send({ inner: probe, sniffer, options }) as Uint8Array[];
  const found = checksum(sent!);
  const [zero] = send({ inner: ethernet(0x88b5, make.be16(found)), sniffer, options }) as Uint8Array[];
  expect(checksum(zero!)).toBe(0xffff);
});

engineDeliversAlike();
