// The tunnels of the reference: GRE, ERSPAN and what is restored of a frame, and those over UDP.

import { engineAgrees } from "../engine/agreement.js";
import type { ReferenceResult } from "./index.js";
import * as make from "./packets.js";
import { ethernet, gre, hex, ipv4, ipv6, join, udp } from "./packets.js";
import { delivered, e2, e3, inner, is, opt, overGre, overUdp, rows } from "./rows.js";

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

engineAgrees();
