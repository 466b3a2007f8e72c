// Is the reference what the documents say? Rows of whole packets, one decision each: link to inner frame.

import { describe, expect, test } from "vitest";
import { DEFAULTS, ReferenceDecoder, type ReferenceOptions, type ReferenceResult } from "./index.js";
import * as make from "./packets.js";
import { ethernet, gre, hex, ipv4, ipv6, join, udp } from "./packets.js";

interface Row {
  name: string;
  packet: Uint8Array;
  /** Bytes that were on the wire but not captured. */
  unseen?: number;
  linkType?: number;
  options?: Partial<ReferenceOptions>;
  expected: Partial<ReferenceResult>;
}

function decode({
  packet,
  unseen = 0,
  linkType = 1,
  options,
}: Omit<Row, "name" | "expected">): ReferenceResult {
  const decoder = new ReferenceDecoder({ ...DEFAULTS, ...options });
  const settled = decoder.packet(1, packet, packet.length + unseen, 1_000n, linkType);
  expect(settled.map((each) => each.packet)).toEqual([1]);
  return settled[0]!.result;
}

function rows(title: string, list: Row[]): void {
  describe(title, () => {
    test.each(list)("$name", (row) => {
      expect(decode(row)).toMatchObject(row.expected);
    });
  });
}

const inner = ethernet(
  0x0800,
  ipv4(6, hex("0102030405060708"), { source: "10.1.0.1", destination: "10.1.0.2" }),
);
const plain = ipv4(47, gre(0x6558, inner));
const plain6 = ipv6(47, gre(0x6558, inner));
const delivered: Partial<ReferenceResult> = {
  verdict: "delivered",
  layers: 1,
  inner,
  originalLength: inner.length,
};
const is = (verdict: ReferenceResult["verdict"]): Partial<ReferenceResult> => ({ verdict, layers: 0 });
const overGre = (payload: Uint8Array) => ethernet(0x0800, ipv4(47, payload));
const overUdp = (port: number, payload: Uint8Array) => ethernet(0x0800, ipv4(17, udp(port, payload)));

rows("link", [
  {
    name: "Ethernet",
    packet: ethernet(0x0800, plain),
    expected: { ...delivered, source: "192.0.2.1", destination: "192.0.2.2" },
  },
  { name: "Ethernet cut", packet: ethernet(0x0800, []).subarray(0, 13), expected: is("truncated") },
  { name: "no byte", packet: hex(""), expected: is("truncated") },
  {
    name: "802.1Q",
    packet: ethernet(0x8100, make.tag(0x601e, 0x0800, plain)),
    expected: { ...delivered, outerVlan: 30 },
  },
  {
    name: "802.1ad and 802.1Q: the outer VID",
    packet: ethernet(0x88a8, make.tag(7, 0x8100, make.tag(8, 0x0800, plain))),
    expected: { ...delivered, outerVlan: 7 },
  },
  {
    name: "0x9100 and IPv6",
    packet: ethernet(0x9100, make.tag(0, 0x86dd, plain6)),
    expected: { ...delivered, outerVlan: 0, source: "2001:db8::1" },
  },
  {
    name: "three tags",
    packet: ethernet(0x8100, make.tag(1, 0x8100, make.tag(2, 0x8100, make.tag(3, 0x0800, plain)))),
    expected: is("not-tunnel"),
  },
  { name: "tag cut", packet: ethernet(0x8100, [0, 1, 8]), expected: is("truncated") },
  { name: "ARP", packet: ethernet(0x0806, new Uint8Array(28)), expected: is("not-tunnel") },
  { name: "SLL", linkType: 113, packet: join(new Uint8Array(14), [0x08, 0], plain), expected: delivered },
  {
    name: "SLL with a tag",
    linkType: 113,
    packet: join(new Uint8Array(14), [0x81, 0], make.tag(5, 0x0800, plain)),
    expected: { ...delivered, outerVlan: 5 },
  },
  {
    name: "SLL2",
    linkType: 276,
    packet: join([0x86, 0xdd], new Uint8Array(18), plain6),
    expected: delivered,
  },
  {
    name: "SLL2 cut",
    linkType: 276,
    packet: join([0x86, 0xdd], new Uint8Array(17)),
    expected: is("truncated"),
  },
  ...[101, 12, 14].map((linkType) => ({
    name: `raw IP ${linkType}`,
    linkType,
    packet: plain6,
    expected: delivered,
  })),
  { name: "raw IPv4", linkType: 228, packet: plain, expected: delivered },
  { name: "raw IPv4 that is IPv6", linkType: 228, packet: plain6, expected: is("unsupported-version") },
  { name: "raw IPv6", linkType: 229, packet: plain6, expected: delivered },
  { name: "raw IP of version 5", linkType: 101, packet: hex("50"), expected: is("unsupported-version") },
  { name: "raw IP without a byte", linkType: 101, packet: hex(""), expected: is("truncated") },
  { name: "another link type", linkType: 0, packet: plain, expected: is("not-tunnel") },
]);

rows("outer IPv4", [
  { name: "19 bytes", packet: ethernet(0x0800, plain.subarray(0, 19)), expected: is("truncated") },
  { name: "version 6 behind 0x0800", packet: ethernet(0x0800, plain6), expected: is("unsupported-version") },
  {
    name: "options",
    packet: ethernet(0x0800, ipv4(47, gre(0x6558, inner), { options: [1, 1, 1, 0] })),
    expected: delivered,
  },
  { name: "IHL 4", packet: ethernet(0x0800, join([0x44], plain.subarray(1))), expected: is("truncated") },
  {
    name: "IHL past the end",
    packet: ethernet(0x0800, join([0x4f], plain.subarray(1, 40))),
    expected: is("truncated"),
  },
  {
    name: "bad checksum",
    packet: ethernet(0x0800, ipv4(47, gre(0x6558, inner), { badChecksum: true })),
    expected: is("bad-checksum"),
  },
  {
    name: "bad checksum ignored",
    options: { checksums: "ignore" },
    packet: ethernet(0x0800, ipv4(47, gre(0x6558, inner), { badChecksum: true })),
    expected: delivered,
  },
  {
    name: "total length under the header's",
    packet: ethernet(0x0800, ipv4(47, gre(0x6558, inner), { totalLength: 19 })),
    expected: is("truncated"),
  },
  { name: "padding is cut", packet: join(ethernet(0x0800, plain), new Uint8Array(9)), expected: delivered },
  {
    name: "total length 0",
    packet: ethernet(0x0800, ipv4(47, gre(0x6558, inner), { totalLength: 0 })),
    unseen: 100,
    expected: { ...delivered, originalLength: inner.length + 100 },
  },
  {
    name: "total length past the frame is believed",
    packet: ethernet(0x0800, ipv4(47, gre(0x6558, inner), { totalLength: 9024 })),
    expected: { ...delivered, originalLength: 9000 },
  },
  {
    name: "capture cut in the inner frame",
    packet: ethernet(0x0800, plain).subarray(0, 45),
    unseen: 35,
    expected: { verdict: "delivered", inner: inner.subarray(0, 7), originalLength: inner.length },
  },
  {
    name: "nothing of the inner frame",
    packet: ethernet(0x0800, plain).subarray(0, 38),
    expected: { verdict: "delivered", inner: hex(""), originalLength: inner.length },
  },
  { name: "TCP", packet: ethernet(0x0800, ipv4(6, inner)), expected: is("not-tunnel") },
  {
    name: "a TCP fragment",
    packet: ethernet(0x0800, ipv4(6, inner, { fragment: 0x2001 })),
    expected: is("not-tunnel"),
  },
]);

rows("outer IPv6", [
  { name: "39 bytes", packet: ethernet(0x86dd, plain6.subarray(0, 39)), expected: is("truncated") },
  {
    name: "version 4",
    packet: ethernet(0x86dd, join([0x45], plain6.subarray(1))),
    expected: is("unsupported-version"),
  },
  {
    name: "hop-by-hop, routing, destination options",
    packet: ethernet(
      0x86dd,
      ipv6(0, make.extension(43, make.extension(60, make.extension(47, gre(0x6558, inner))))),
    ),
    expected: delivered,
  },
  {
    name: "an extension header past the end",
    packet: ethernet(0x86dd, ipv6(60, [47, 1, ...new Uint8Array(13)])),
    expected: is("truncated"),
  },
  { name: "no next header", packet: ethernet(0x86dd, ipv6(59, inner)), expected: is("not-tunnel") },
  { name: "padding is cut", packet: join(ethernet(0x86dd, plain6), [0, 0, 0]), expected: delivered },
  {
    name: "jumbo",
    packet: ethernet(
      0x86dd,
      ipv6(0, join([47, 0, 0xc2, 4, 0, 1, 0, 0], gre(0x6558, inner)), { payloadLength: 0 }),
    ),
    expected: { ...delivered, originalLength: 65_536 - 8 - 4 },
  },
  {
    name: "payload length 0 without jumbo",
    packet: ethernet(0x86dd, ipv6(47, gre(0x6558, inner), { payloadLength: 0 })),
    unseen: 5,
    expected: { ...delivered, originalLength: inner.length + 5 },
  },
  {
    name: "atomic fragment",
    packet: ethernet(0x86dd, ipv6(44, make.fragmentHeader(47, 0, false, 1, gre(0x6558, inner)))),
    expected: delivered,
  },
  {
    name: "two fragment headers",
    packet: ethernet(
      0x86dd,
      ipv6(44, make.fragmentHeader(44, 0, false, 1, make.fragmentHeader(47, 0, false, 1, inner))),
    ),
    expected: is("not-tunnel"),
  },
  {
    name: "fragment of TCP",
    packet: ethernet(0x86dd, ipv6(44, make.fragmentHeader(6, 8, true, 1, new Uint8Array(8)))),
    expected: is("not-tunnel"),
  },
]);

rows("GRE", [
  { name: "3 bytes", packet: overGre(hex("000065")), expected: is("truncated") },
  { name: "version 1", packet: overGre(hex("00010800")), expected: is("unsupported-version") },
  {
    name: "key and sequence",
    packet: overGre(gre(0x6558, inner, { key: 0xfedcba98, sequence: 7 })),
    expected: { ...delivered, encapsulation: "gre", idKind: "key", id: 0xfedcba98, sequence: 7 },
  },
  { name: "key cut", packet: overGre(hex("20006558 000000")), expected: is("truncated") },
  {
    name: "good checksum",
    packet: overGre(gre(0x6558, inner, { checksum: "good", key: 1 })),
    expected: delivered,
  },
  {
    name: "bad checksum",
    packet: overGre(gre(0x6558, inner, { checksum: "bad" })),
    expected: is("bad-checksum"),
  },
  {
    name: "bad checksum before an unknown payload",
    packet: overGre(gre(0x1234, inner, { checksum: "bad" })),
    expected: is("bad-checksum"),
  },
  {
    name: "bad checksum ignored",
    options: { checksums: "ignore" },
    packet: overGre(gre(0x6558, inner, { checksum: "bad" })),
    expected: delivered,
  },
  {
    name: "checksum over missing bytes",
    packet: overGre(gre(0x6558, inner, { checksum: "bad" })).subarray(0, 60),
    expected: { verdict: "delivered" },
  },
  {
    name: "routing",
    packet: overGre(gre(0x6558, inner, { routing: hex("00080004 c0000201 00000000") })),
    expected: delivered,
  },
  {
    name: "routing without its end",
    packet: overGre(gre(0x6558, hex("0008"), { routing: hex("00080004 c0000201") })),
    expected: is("truncated"),
  },
  {
    name: "strict route, recursion, reserved bits",
    packet: overGre(gre(0x6558, inner, { flags: 0x0ff8 })),
    expected: delivered,
  },
  { name: "a configured Ethernet protocol", packet: overGre(gre(0x8949, inner)), expected: delivered },
  { name: "MPLS", packet: overGre(gre(0x8847, inner)), expected: is("unsupported-payload") },
  {
    name: "IPv4",
    packet: overGre(gre(0x0800, inner.subarray(14))),
    expected: {
      verdict: "delivered",
      synthetic: true,
      inner: join(hex("020000000002 020000000001 0800"), inner.subarray(14)),
      originalLength: inner.length,
    },
  },
  {
    name: "IPv6, as announced",
    packet: overGre(gre(0x86dd, hex("45"))),
    expected: { verdict: "delivered", inner: hex("020000000002 020000000001 86dd 45") },
  },
]);

const e2 = (fields: make.Erspan2Fields, frame = inner) =>
  overGre(gre(0x88be, make.erspan2(frame, fields), { sequence: 1 }));
const e3 = (fields: make.Erspan3Fields, frame = inner) => overGre(gre(0x22eb, make.erspan3(frame, fields)));
const tagged = join(inner.subarray(0, 12), hex("8100 a064"), inner.subarray(12));
const restored: Partial<ReferenceResult> = {
  verdict: "delivered",
  restored: true,
  inner: tagged,
  originalLength: tagged.length,
};
const kept: Partial<ReferenceResult> = { ...delivered, restored: false };

rows("ERSPAN", [
  {
    name: "I",
    packet: overGre(gre(0x88be, inner)),
    expected: { ...delivered, encapsulation: "erspan", erspanType: 1 },
  },
  {
    name: "II",
    packet: e2({ session: 1023 }),
    expected: { ...delivered, erspanType: 2, idKind: "session", id: 1023, sequence: 1 },
  },
  { name: "II, 7 bytes", packet: e2({}, hex("")).subarray(0, 14 + 20 + 8 + 7), expected: is("truncated") },
  { name: "II, version 2", packet: e2({ version: 2 }), expected: is("unsupported-version") },
  {
    name: "III without S",
    packet: e3({ session: 5, hardwareId: 33, outgoing: true }),
    expected: { ...delivered, erspanType: 3, id: 5, hardwareId: 33, direction: "out" },
  },
  { name: "III, version 1", packet: e3({ version: 1 }), expected: is("unsupported-version") },
  {
    name: "III with a sub-header",
    packet: e3({ platform: { id: 2, word: 0 } }),
    expected: { ...delivered, direction: "in" },
  },
  {
    name: "III, sub-header cut",
    packet: e3({ platform: { id: 3, word: 0 } }).subarray(0, 14 + 20 + 4 + 19),
    expected: is("truncated"),
  },
  {
    name: "III of IP",
    packet: e3({ frameType: 2 }, inner.subarray(14)),
    expected: { verdict: "delivered", synthetic: true, originalLength: inner.length },
  },
  { name: "III of IP, no byte", packet: e3({ frameType: 2 }, hex("")), expected: is("truncated") },
  {
    name: "III of IP, version 5",
    packet: e3({ frameType: 2 }, hex("50")),
    expected: is("unsupported-payload"),
  },
  { name: "III, frame type 7", packet: e3({ frameType: 7 }), expected: is("unsupported-payload") },
  { name: "VLAN restored, ISL", packet: e2({ vlan: 100, cos: 5, en: 1 }), expected: restored },
  { name: "VLAN restored, 802.1Q", packet: e2({ vlan: 100, cos: 5, en: 2 }), expected: restored },
  { name: "En 0", packet: e2({ vlan: 100, cos: 5 }), expected: kept },
  {
    name: "En 0, always",
    options: { restoreVlan: "always" },
    packet: e2({ vlan: 100, cos: 5 }),
    expected: restored,
  },
  { name: "VLAN 0", options: { restoreVlan: "always" }, packet: e2({ cos: 5, en: 2 }), expected: kept },
  {
    name: "tagged already",
    packet: e2({ vlan: 100, en: 2 }, tagged),
    expected: { ...kept, inner: tagged, originalLength: tagged.length },
  },
  {
    name: "13 bytes of a frame",
    packet: e2({ vlan: 100, en: 2 }, inner.subarray(0, 13)),
    expected: { restored: false, inner: inner.subarray(0, 13) },
  },
  { name: "never", options: { restoreVlan: "never" }, packet: e2({ vlan: 100, en: 2 }), expected: kept },
  { name: "III, auto", packet: e3({ vlan: 100, cos: 5 }), expected: kept },
  {
    name: "III, always",
    options: { restoreVlan: "always" },
    packet: e3({ vlan: 100, cos: 5 }),
    expected: restored,
  },
  {
    name: "III of IP, always",
    options: { restoreVlan: "always" },
    packet: e3({ vlan: 100, cos: 5, frameType: 2 }, inner.subarray(14)),
    expected: { restored: false },
  },
  {
    name: "T: the inner IP length",
    packet: e2({ truncated: true }, inner.subarray(0, 40)),
    expected: { truncated: true, originalLength: inner.length },
  },
  {
    name: "T behind a restored tag",
    packet: e2({ truncated: true, vlan: 100, en: 2 }, inner.subarray(0, 40)),
    expected: { truncated: true, originalLength: tagged.length },
  },
  {
    name: "T, IPv6",
    packet: e2({ truncated: true }, ethernet(0x86dd, ipv6(6, [], { payloadLength: 1000 }))),
    expected: { originalLength: 1054 },
  },
  { name: "no T", packet: e2({}, inner.subarray(0, 40)), expected: { truncated: false, originalLength: 40 } },
]);

const opt = (type: number, words = 0) =>
  hex(`0102${type.toString(16).padStart(2, "0")}0${words}${"00".repeat(4 * words)}`);

rows("UDP tunnels", [
  {
    name: "7 bytes",
    packet: ethernet(0x0800, ipv4(17, udp(4789, []).subarray(0, 7))),
    expected: is("truncated"),
  },
  { name: "another port", packet: overUdp(53, inner), expected: is("not-tunnel") },
  {
    name: "another port before a bad length",
    packet: ethernet(0x0800, ipv4(17, udp(53, inner, 7))),
    expected: is("not-tunnel"),
  },
  {
    name: "UDP length 7",
    packet: ethernet(0x0800, ipv4(17, udp(4789, inner, 7))),
    expected: is("truncated"),
  },
  {
    name: "UDP length 0",
    packet: ethernet(0x0800, ipv4(17, udp(4789, make.vxlan(9, inner), 0))),
    expected: delivered,
  },
  {
    name: "UDP length past the IP payload",
    packet: ethernet(0x0800, ipv4(17, udp(4789, make.vxlan(9, inner), 9000))),
    expected: delivered,
  },
  {
    name: "UDP length within the IP payload",
    packet: ethernet(0x0800, ipv4(17, udp(4789, make.vxlan(9, inner), 36))),
    expected: { inner: inner.subarray(0, 20), originalLength: 20 },
  },
  {
    name: "VXLAN",
    packet: overUdp(4789, make.vxlan(0xabcdef, inner)),
    expected: { ...delivered, encapsulation: "vxlan", idKind: "vni", id: 0xabcdef },
  },
  {
    name: "VXLAN on 8472, other flags",
    packet: overUdp(8472, make.vxlan(1, inner, 0xff)),
    expected: delivered,
  },
  { name: "VXLAN without I", packet: overUdp(4789, make.vxlan(1, inner, 0xf7)), expected: is("bad-flags") },
  {
    name: "VXLAN-GPE, P clear",
    packet: overUdp(4790, make.vxlanGpe(1, 9, inner, 0x08)),
    expected: { ...delivered, encapsulation: "vxlan-gpe" },
  },
  {
    name: "VXLAN-GPE of IPv4",
    packet: overUdp(4790, make.vxlanGpe(1, 1, inner.subarray(14))),
    expected: { synthetic: true, originalLength: inner.length },
  },
  {
    name: "VXLAN-GPE of NSH",
    packet: overUdp(4790, make.vxlanGpe(1, 4, inner)),
    expected: is("unsupported-payload"),
  },
  {
    name: "VXLAN-GPE, version before I",
    packet: overUdp(4790, make.vxlanGpe(1, 3, inner, 0x14)),
    expected: is("unsupported-version"),
  },
  {
    name: "VXLAN-GPE without I",
    packet: overUdp(4790, make.vxlanGpe(1, 3, inner, 0x05)),
    expected: is("bad-flags"),
  },
  {
    name: "VXLAN-GPE, O",
    packet: overUdp(4790, make.vxlanGpe(1, 3, inner, 0x0d)),
    expected: is("unsupported-payload"),
  },
  {
    name: "GENEVE with options",
    packet: overUdp(6081, make.geneve(77, 0x6558, inner, join(opt(1, 1), opt(2)))),
    expected: { ...delivered, encapsulation: "geneve", id: 77 },
  },
  {
    name: "GENEVE of IPv6",
    packet: overUdp(6081, make.geneve(77, 0x86dd, hex("60"))),
    expected: { synthetic: true, originalLength: 15 },
  },
  {
    name: "GENEVE, version 1",
    packet: overUdp(6081, join([0x40], make.geneve(7, 0x6558, inner).subarray(1))),
    expected: is("unsupported-version"),
  },
  {
    name: "GENEVE, O",
    packet: overUdp(6081, make.geneve(7, 0x6558, inner, opt(0x80), 0x80)),
    expected: is("unsupported-payload"),
  },
  {
    name: "GENEVE, options cut",
    packet: overUdp(6081, join([0x3f], make.geneve(7, 0x6558, inner).subarray(1))),
    expected: is("truncated"),
  },
  {
    name: "GENEVE, an option past the options",
    packet: overUdp(6081, make.geneve(7, 0x6558, inner, join(opt(0x80), hex("01020001")))),
    expected: is("truncated"),
  },
  {
    name: "GENEVE, critical option",
    packet: overUdp(6081, make.geneve(7, 0x6558, inner, opt(0x80))),
    expected: is("critical-option"),
  },
  {
    name: "GENEVE, critical option, lenient",
    options: { lenient: true },
    packet: overUdp(6081, make.geneve(7, 0x6558, inner, opt(0x80))),
    expected: delivered,
  },
  {
    name: "GENEVE of something else",
    packet: overUdp(6081, make.geneve(7, 0x8847, inner)),
    expected: is("unsupported-payload"),
  },
  {
    name: "TZSP",
    packet: overUdp(37008, make.tzsp(inner, hex("00 0a 02 ffff 01"))),
    expected: { ...delivered, encapsulation: "tzsp" },
  },
  {
    name: "TZSP without an end",
    packet: overUdp(37008, make.tzsp(hex(""), hex("0a 02 ffff"))),
    expected: is("truncated"),
  },
  {
    name: "TZSP, version 2",
    packet: overUdp(37008, hex("02000001 01")),
    expected: is("unsupported-version"),
  },
  {
    name: "TZSP, type 2",
    packet: overUdp(37008, make.tzsp(inner, [1], 2)),
    expected: is("unsupported-payload"),
  },
  {
    name: "TZSP of 802.11",
    packet: overUdp(37008, make.tzsp(inner, [1], 0, 0x12)),
    expected: is("unsupported-payload"),
  },
  {
    name: "HP ERM",
    packet: overUdp(7932, join(new Uint8Array(12), inner)),
    expected: { ...delivered, encapsulation: "hp-erm" },
  },
  { name: "HP ERM cut", packet: overUdp(7932, new Uint8Array(11)), expected: is("truncated") },
  {
    name: "GRE-in-UDP",
    packet: overUdp(4754, gre(0x88be, make.erspan2(inner, { session: 3 }), { sequence: 9 })),
    expected: { ...delivered, encapsulation: "erspan", erspanType: 2, id: 3 },
  },
]);

const nested = ethernet(0x0800, ipv4(17, udp(4789, make.vxlan(55, inner))));
const deep = { depth: 3 };
const carry = (frame: Uint8Array) => e2({ session: 8, vlan: 100, cos: 5, en: 2, truncated: true }, frame);

rows("depth", [
  {
    name: "1 stops at the first",
    packet: carry(nested),
    expected: { layers: 1, restored: true, truncated: true },
  },
  {
    name: "3 goes on to what is no tunnel",
    options: deep,
    packet: carry(nested),
    expected: { ...kept, layers: 2, encapsulation: "erspan", id: 8, sequence: 1, truncated: false },
  },
  {
    name: "a fault of the second layer",
    options: deep,
    packet: carry(overUdp(4789, make.vxlan(1, inner, 0))),
    expected: { verdict: "bad-flags", layers: 1, encapsulation: "erspan" },
  },
  {
    name: "a bad inner checksum",
    options: deep,
    packet: carry(ethernet(0x0800, ipv4(47, gre(0x6558, inner), { badChecksum: true }))),
    expected: { verdict: "bad-checksum", layers: 1 },
  },
  {
    name: "a bad inner checksum of no tunnel",
    options: deep,
    packet: carry(ethernet(0x0800, ipv4(6, inner, { badChecksum: true }))),
    expected: { verdict: "delivered", layers: 1 },
  },
  {
    name: "an inner fragment",
    options: deep,
    packet: carry(ethernet(0x0800, ipv4(47, gre(0x6558, inner), { fragment: 0x2000 }))),
    expected: { verdict: "delivered", layers: 1 },
  },
  {
    name: "a cut inner UDP header",
    options: deep,
    packet: carry(nested.subarray(0, 41)),
    expected: { verdict: "delivered", layers: 1 },
  },
  {
    name: "a whole inner UDP header, nothing behind",
    options: deep,
    packet: carry(nested.subarray(0, 42)),
    expected: { verdict: "truncated", layers: 1 },
  },
  {
    name: "GRE of IP of GRE",
    options: deep,
    packet: overGre(gre(0x0800, ipv4(47, gre(0x6558, inner)))),
    expected: { verdict: "delivered", layers: 2, inner },
  },
  {
    name: "GRE of IPv4 that is IPv6",
    options: deep,
    packet: overGre(gre(0x0800, plain6)),
    expected: { verdict: "delivered", layers: 1 },
  },
  {
    name: "direction of the outermost III",
    options: deep,
    packet: overUdp(4789, make.vxlan(1, e3({ outgoing: true, hardwareId: 2 }))),
    expected: { layers: 2, encapsulation: "vxlan", direction: "out", hardwareId: 2 },
  },
]);

test("what is counted beside the verdict", () => {
  const decoder = new ReferenceDecoder({ ...DEFAULTS, lenient: true, filter: { session: 9, vni: 7 } });
  const packets = [
    overGre(gre(0x6558, inner, { checksum: "bad" })).subarray(0, 60),
    overUdp(6081, make.geneve(7, 0x6558, inner, join(opt(0x80), opt(0x81)))),
    e2({ session: 9 }),
    e2({ session: 7 }),
  ];
  const settled = packets.flatMap((frame, at) => decoder.packet(at + 1, frame, frame.length, 0n, 1));
  expect(settled.map(({ result }) => result.verdict)).toEqual([
    "filtered",
    "delivered",
    "delivered",
    "filtered",
  ]);
  expect(decoder.counters).toMatchObject({ received: 4, held: 0, unverifiable: 1, criticalOptions: 2 });
});
