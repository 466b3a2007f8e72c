// The flow hash: numbers computed by a program of other hands, what counts and what does not, and its symmetry.

import fc from "fast-check";
import { expect, test } from "vitest";
import { flowHash } from "./flow.js";
import * as make from "./packets.js";
import { be16, ethernet, ipv4, ipv6, join, MAC_A, MAC_B } from "./packets.js";

const v4 = { source: "10.1.0.1", destination: "10.1.0.2" };
const back = { source: v4.destination, destination: v4.source };
const dns = join(be16(4000), be16(53), be16(12), [0, 0], [1, 2, 3, 4]);
const tcp = (source: number, destination: number) =>
  join(be16(source), be16(destination), new Uint8Array(16));
const udp4 = ethernet(0x0800, ipv4(17, dns, v4));
const esp = new Uint8Array(20).fill(0x21);
/** An authentication header with 12 bytes of check value. */
const authentication = (next: number, payload: Uint8Array) =>
  join([next, 4, 0, 0], new Uint8Array(20), payload);
const behindAll = make.extension(43, make.extension(60, make.extension(51, authentication(17, dns))));
const fragmented = (offset: number, more: boolean, next: number, data: Uint8Array) =>
  ethernet(0x86dd, ipv6(44, make.fragmentHeader(next, offset, more, 9, data)));

const UDP4 = 0xe54fdca9;
const UDP4_PORTLESS = 0xe5a864d2;
const UDP6 = 0x1b8415fd;
const UDP6_PORTLESS = 0xf5584a1b;
const OPTIONS6_PORTLESS = 0xf454ac87;

test.each<[string, Uint8Array, number]>([
  ["UDP over IPv4", udp4, UDP4],
  ["behind two tags", ethernet(0x88a8, make.tag(7, 0x8100, make.tag(8, 0x0800, ipv4(17, dns, v4)))), UDP4],
  ["behind IP options", ethernet(0x0800, ipv4(17, dns, { ...v4, options: [1, 1, 1, 0] })), UDP4],
  ["total length 0", ethernet(0x0800, ipv4(17, dns, { ...v4, totalLength: 0 })), UDP4],
  ["ports captured, no more", udp4.subarray(0, 38), UDP4],
  ["ports cut", udp4.subarray(0, 37), UDP4_PORTLESS],
  [
    "ports behind the packet's end",
    ethernet(0x0800, ipv4(17, dns, { ...v4, totalLength: 23 })),
    UDP4_PORTLESS,
  ],
  ["first fragment", ethernet(0x0800, ipv4(17, dns, { ...v4, fragment: 0x2000 })), UDP4_PORTLESS],
  ["last fragment", ethernet(0x0800, ipv4(17, dns, { ...v4, fragment: 3 })), UDP4_PORTLESS],
  ["DF is no fragment", ethernet(0x0800, ipv4(17, dns, { ...v4, fragment: 0x4000 })), UDP4],
  ["TCP", ethernet(0x0800, ipv4(6, tcp(50_000, 443), v4)), 0x93c43dc1],
  ["TCP, the answer", ethernet(0x0800, ipv4(6, tcp(443, 50_000), back)), 0x93c43dc1],
  ["ICMP has no ports", ethernet(0x0800, ipv4(1, dns, v4)), 0x98a3c920],
  ["UDP over IPv6", ethernet(0x86dd, ipv6(17, dns)), UDP6],
  ["behind every extension header", ethernet(0x86dd, ipv6(0, behindAll)), UDP6],
  ["behind an atomic fragment header", fragmented(0, false, 17, dns), UDP6],
  ["IPv6 first fragment", fragmented(0, true, 17, dns), UDP6_PORTLESS],
  ["IPv6 later fragment", fragmented(8, false, 17, dns), UDP6_PORTLESS],
  ["first fragment, options in it", fragmented(0, true, 60, make.extension(17, dns)), OPTIONS6_PORTLESS],
  ["later fragment of the same", fragmented(16, false, 60, make.extension(17, esp)), OPTIONS6_PORTLESS],
  [
    "an extension header cut",
    ethernet(0x86dd, ipv6(60, make.extension(17, []).subarray(0, 7))),
    OPTIONS6_PORTLESS,
  ],
  [
    "an extension header past the packet's end",
    ethernet(0x86dd, ipv6(60, make.extension(17, dns), { payloadLength: 7 })),
    OPTIONS6_PORTLESS,
  ],
  ["payload length 0", ethernet(0x86dd, ipv6(17, dns, { payloadLength: 0 })), UDP6],
  ["ARP", ethernet(0x0806, new Uint8Array(28)), 0x9fb6ce86],
  ["ARP without a byte", ethernet(0x0806, []), 0x9fb6ce86],
  [
    "a third tag",
    ethernet(0x8100, make.tag(1, 0x8100, make.tag(2, 0x8100, make.tag(3, 0x0800, ipv4(17, dns, v4))))),
    0x95ae8036,
  ],
  ["IPv4 header cut", udp4.subarray(0, 33), 0x22d51424],
  ["IHL 4", ethernet(0x0800, join([0x44], ipv4(17, dns, v4).subarray(1))), 0x22d51424],
  ["IPv6 behind 0x0800", ethernet(0x0800, ipv6(17, dns)), 0x22d51424],
  ["13 bytes", udp4.subarray(0, 13), 0],
  ["a tag cut", ethernet(0x8100, [0, 1, 8]), 0],
  ["nothing", new Uint8Array(0), 0],
])("%s", (_, frame, expected) => {
  expect(flowHash(frame).toString(16)).toBe(expected.toString(16));
});

const address = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => bytes.join("."));
const port = fc.nat(0xffff);

test("both directions of a flow hash alike", () => {
  const ends = fc.record({ source: address, destination: address });
  const property = fc.property(ends, port, port, fc.constantFrom(6, 17, 47, 132), (ends, a, b, protocol) => {
    const there = ethernet(0x0800, ipv4(protocol, tcp(a, b), ends), MAC_A, MAC_B);
    const reversed = { source: ends.destination, destination: ends.source };
    expect(flowHash(ethernet(0x0800, ipv4(protocol, tcp(b, a), reversed), MAC_B, MAC_A))).toBe(
      flowHash(there),
    );
  });
  fc.assert(property, { seed: 1 });
});

test("any bytes have a hash of 32 bits", () => {
  const property = fc.property(
    fc.uint8Array({ maxLength: 80 }),
    fc.constantFrom(0x0800, 0x86dd, 0x8100),
    (bytes, type) => {
      const hash = flowHash(ethernet(type, bytes));
      expect(hash).toBe(hash >>> 0);
    },
  );
  fc.assert(property, { seed: 1 });
});
