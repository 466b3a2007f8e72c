// Mode `mac`: whole frames in, whole frames out.

import { expect, test } from "vitest";
import { engineDeliversAlike } from "../engine/delivery-agreement.js";
import { deliveryRows, MAC, mac, send, toSniffer } from "./delivery-rows.js";
import * as make from "./packets.js";
import { ethernet, hex, join, MAC_A } from "./packets.js";
import { frame } from "./transport-packets.js";

const tcp4 = frame("tcp", new Uint8Array(40).fill(0x5a), "10.1.0.1", "10.1.0.2");

deliveryRows("mac", [
  {
    name: "the destination, and nothing else",
    inner: tcp4,
    sniffer: mac(),
    expected: join(MAC, tcp4.subarray(6)),
  },
  {
    name: "written by hand: a short frame in a VLAN, from the interface, padded with zeros",
    inner: hex("ffffffffffff 02aa0000000a 0806 0001 0800 06 04 0001"),
    sniffer: mac({ vlan: 210, sourceMac: "interface" }),
    expected: join(hex("020000000a01 020000000001 8100 00d2 0806 0001 0800 06 04 0001"), new Uint8Array(34)),
  },
  {
    name: "sourceMac: interface, whose MAC is known",
    inner: tcp4,
    sniffer: mac({ sourceMac: "interface" }),
    options: { interfaceMac: "02:00:5e:10:00:01" },
    expected: join(MAC, hex("02005e100001"), tcp4.subarray(12)),
  },
  {
    name: "the tag stands before the tag that is there",
    inner: ethernet(0x88a8, make.tag(0xe007, 0x0800, new Uint8Array(60))),
    sniffer: mac({ vlan: 4094 }),
    expected: toSniffer(0x8100, make.tag(4094, 0x88a8, make.tag(0xe007, 0x0800, new Uint8Array(60)))),
  },
  {
    name: "snaplen, then padding",
    inner: tcp4,
    tenant: { snaplen: 20 },
    sniffer: mac(),
    expected: join(MAC, tcp4.subarray(6, 20), new Uint8Array(40)),
  },
  {
    name: "59 bytes become 60, with a tag they are 63",
    inner: ethernet(0x88b5, new Uint8Array(45).fill(1)),
    sniffer: mac(),
    expected: join(toSniffer(0x88b5, new Uint8Array(45).fill(1)), [0]),
  },
  {
    name: "13 bytes and a tag",
    inner: tcp4.subarray(0, 13),
    sniffer: mac({ vlan: 1 }),
    expected: join(MAC, MAC_A, hex("8100 0001 0800"), new Uint8Array(42)),
  },
  {
    name: "a frame of which 3 bytes were captured",
    inner: hex("ffffff"),
    about: { originalLength: 1500 },
    sniffer: mac(),
    expected: join(MAC, new Uint8Array(54)),
  },
  { name: "no byte", inner: hex(""), sniffer: mac(), expected: join(MAC, new Uint8Array(54)) },
]);

test("65,535 bytes of frame and no more, the tag included", () => {
  const inner = ethernet(0x88b5, new Uint8Array(65_535 - 14));
  expect(send({ inner, sniffer: mac() })).toEqual([join(MAC, inner.subarray(6))]);
  expect(send({ inner, sniffer: mac({ vlan: 1 }) })).toBe("too-large");
  expect(send({ inner: join(inner, [0]), sniffer: mac() })).toBe("too-large");
  expect(send({ inner: join(inner, [0]), sniffer: mac(), tenant: { snaplen: 100 } })).toHaveLength(1);
});

engineDeliversAlike();
