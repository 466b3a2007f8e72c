// Is the reference what the documents say? The outer headers, from the link to IP, and further layers.

import { expect, test } from "vitest";
import { engineAgrees } from "../engine/agreement.js";
import { DEFAULTS, ReferenceDecoder } from "./index.js";
import * as make from "./packets.js";
import { ethernet, gre, hex, ipv4, ipv6, join, udp } from "./packets.js";
import { delivered, e2, e3, inner, is, opt, overGre, overUdp, rows } from "./rows.js";

const plain = ipv4(47, gre(0x6558, inner));
const plain6 = ipv6(47, gre(0x6558, inner));
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
    expected: {
      ...delivered,
      restored: false,
      layers: 2,
      encapsulation: "erspan",
      id: 8,
      sequence: 1,
      truncated: false,
    },
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
  expect(decoder.counters).toMatchObject({ received: 4, held: 0, unverifiable: 1, criticalOptions: 1 });
});

engineAgrees();
