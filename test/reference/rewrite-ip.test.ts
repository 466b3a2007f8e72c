// Mode `ip`: addresses and checksums of whole packets, and what stays as it is.

import { expect, test } from "vitest";
import { engineDeliversAlike } from "../engine/delivery-agreement.js";
import { deliveryRows, ip, ip6, MAC, NEW4, NEW6, send, toSniffer } from "./delivery-rows.js";
import * as make from "./packets.js";
import { ethernet, hex, ipv4, join, MAC_A } from "./packets.js";
import { put16, u16 } from "./region.js";
import { CHECKSUM_AT, frame, ipPacket, NUMBER, sealed, type Transport } from "./transport-packets.js";

const data = new Uint8Array(40).fill(0x5a);
const tcp4 = frame("tcp", data, "10.1.0.1", "10.1.0.2");

// Expected: the same packet as a host would have sent it to the new destination, its checksums computed in full.
const transports4: Transport[] = ["tcp", "udp", "udp-lite", "dccp"];
deliveryRows("ip: checksums of whole packets", [
  ...transports4.map((transport) => ({
    name: `${transport} over IPv4`,
    inner: frame(transport, data, "10.1.0.1", "10.1.0.2"),
    sniffer: ip(),
    expected: toSniffer(0x0800, ipPacket(transport, data, "10.1.0.1", NEW4)),
  })),
  ...[...transports4, "icmpv6" as const].map((transport) => ({
    name: `${transport} over IPv6`,
    inner: frame(transport, data, "2001:db8::1", "2001:db8::2"),
    sniffer: ip6,
    expected: toSniffer(0x86dd, ipPacket(transport, data, "2001:db8::1", NEW6)),
  })),
  {
    name: "written by hand: UDP",
    // header sum without checksum: 4500+0020+4011+0a01+0001+0a01+0002 = 9936 -> 66c9; pseudo header and datagram: 2809 -> d7f6
    inner: hex(
      "02bb0000000b 02aa0000000a 0800 45000020 00000000 401166c9 0a010001 0a010002 0fa00035000cd7f6 01020304",
    ),
    sniffer: ip({ ip: "10.1.0.3", vlan: 5 }),
    expected: join(
      hex("020000000a01 02aa0000000a 8100 0005 0800 45000020 00000000 401166c8 0a010001 0a010003"),
      hex("0fa00035000cd7f5 01020304"),
      new Uint8Array(10),
    ),
  },
  {
    name: "ICMP has no pseudo header",
    inner: ethernet(0x0800, ipv4(1, data, { source: "10.1.0.1", destination: "10.1.0.2" })),
    sniffer: ip(),
    expected: toSniffer(0x0800, ipv4(1, data, { source: "10.1.0.1", destination: NEW4 })),
  },
  {
    name: "behind two tags, one more pushed",
    inner: ethernet(0x88a8, make.tag(7, 0x8100, make.tag(8, 0x0800, tcp4.subarray(14)))),
    sniffer: ip({ vlan: 9 }),
    expected: toSniffer(
      0x8100,
      make.tag(9, 0x88a8, make.tag(7, 0x8100, make.tag(8, 0x0800, ipPacket("tcp", data, "10.1.0.1", NEW4)))),
    ),
  },
]);

const between = (destination: string) => ({ source: "10.1.0.1", destination });
const udp4 = (checksum: number) => {
  const segment = sealed("udp", data, "10.1.0.1", "10.1.0.2");
  put16(segment, 6, checksum);
  return segment;
};
deliveryRows("ip: what stays as it is", [
  {
    name: "an IPv6 packet for an IPv4 sniffer: the MAC only",
    inner: frame("tcp", data, "2001:db8::1", "2001:db8::2"),
    sniffer: ip(),
    expected: toSniffer(0x86dd, ipPacket("tcp", data, "2001:db8::1", "2001:db8::2")),
  },
  {
    name: "behind a third tag",
    inner: ethernet(0x8100, make.tag(1, 0x8100, make.tag(2, 0x8100, make.tag(3, 0x0800, tcp4.subarray(14))))),
    sniffer: ip(),
    expected: toSniffer(
      0x8100,
      make.tag(1, 0x8100, make.tag(2, 0x8100, make.tag(3, 0x0800, tcp4.subarray(14)))),
    ),
  },
  {
    name: "an IPv4 header of which 19 bytes were captured",
    inner: tcp4.subarray(0, 33),
    sniffer: ip(),
    expected: join(MAC, tcp4.subarray(6, 33), new Uint8Array(27)),
  },
  {
    name: "an IPv4 header that snaplen cuts",
    inner: tcp4,
    tenant: { snaplen: 33 },
    sniffer: ip(),
    expected: join(MAC, tcp4.subarray(6, 33), new Uint8Array(27)),
  },
  {
    name: "ARP",
    inner: ethernet(0x0806, new Uint8Array(46).fill(1)),
    sniffer: ip(),
    expected: toSniffer(0x0806, new Uint8Array(46).fill(1)),
  },
  {
    name: "UDP checksum 0",
    inner: ethernet(0x0800, ipv4(17, udp4(0), between("10.1.0.2"))),
    sniffer: ip(),
    expected: toSniffer(0x0800, ipv4(17, udp4(0), between(NEW4))),
  },
  {
    name: "a later fragment: its header only",
    inner: ethernet(0x0800, ipv4(6, data, { ...between("10.1.0.2"), fragment: 0x2005 })),
    sniffer: ip(),
    expected: toSniffer(0x0800, ipv4(6, data, { ...between(NEW4), fragment: 0x2005 })),
  },
  {
    name: "checksum behind the packet's end",
    inner: ethernet(0x0800, ipv4(17, udp4(0x1234), { ...between("10.1.0.2"), totalLength: 27 })),
    sniffer: ip(),
    expected: toSniffer(0x0800, ipv4(17, udp4(0x1234), { ...between(NEW4), totalLength: 27 })),
  },
  {
    name: "one byte of the checksum captured",
    inner: tcp4.subarray(0, 14 + 20 + 17),
    sniffer: ip(),
    expected: join(
      MAC,
      MAC_A,
      hex("0800"),
      ipPacket("tcp", data, "10.1.0.1", NEW4).subarray(0, 36),
      tcp4.subarray(50, 51),
      new Uint8Array(9),
    ),
  },
]);

/** A frame whose checksum will be zero in arithmetic when the packet goes to `destination`. */
function meetsZero(transport: Transport, destination: string): Uint8Array {
  const filler = new Uint8Array(4);
  const at = CHECKSUM_AT[transport];
  const segment = sealed(transport, filler, "10.1.0.1", destination);
  put16(filler, 0, u16(segment, at));
  return frame(transport, filler, "10.1.0.1", "10.1.0.2");
}
const checksumOf = (bytes: Uint8Array, transport: Transport) => u16(bytes, 34 + CHECKSUM_AT[transport]);

test.each<[Transport, number]>([
  ["udp", 0xffff],
  ["udp-lite", 0xffff],
  ["tcp", 0],
  ["dccp", 0],
])("a checksum that becomes 0: %s", (transport, expected) => {
  const [sent] = send({ inner: meetsZero(transport, NEW4), sniffer: ip() }) as Uint8Array[];
  expect(checksumOf(sent!, transport)).toBe(expected);
});

test.each<Transport>(["tcp", "udp", "udp-lite", "dccp"])("a wrong checksum stays wrong: %s", (transport) => {
  const inner = frame(transport, data, "10.1.0.1", "10.1.0.2");
  const at = 34 + CHECKSUM_AT[transport];
  const was = u16(inner, at);
  inner[at]! ^= 0x40;
  const [sent] = send({ inner, sniffer: ip() }) as Uint8Array[];
  const right = checksumOf(frame(transport, data, "10.1.0.1", NEW4), transport);
  const wrongBy = (checksum: number, right: number) => (checksum - right + 0xffff) % 0xffff;
  expect(wrongBy(checksumOf(sent!, transport), right)).toBe(wrongBy(checksumOf(inner, transport), was));
});

test("a wrong IPv4 header checksum stays wrong, and the wrong 0 of UDP-Lite", () => {
  const bad = ethernet(0x0800, ipv4(NUMBER["udp-lite"], data, { ...between("10.1.0.2"), badChecksum: true }));
  const good = ipv4(NUMBER["udp-lite"], data, between(NEW4));
  const [sent] = send({ inner: bad, sniffer: ip() }) as Uint8Array[];
  expect(u16(sent!, 24)).not.toBe(u16(good, 10));
  const zero = frame("udp-lite", data, "10.1.0.1", "10.1.0.2");
  put16(zero, 34 + CHECKSUM_AT["udp-lite"], 0);
  const [zeroed] = send({ inner: zero, sniffer: ip() }) as Uint8Array[];
  expect(checksumOf(zeroed!, "udp-lite")).toBe(0);
});

engineDeliversAlike();
