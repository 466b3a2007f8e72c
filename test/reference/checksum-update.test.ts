// RFC 1624: a checksum brought up to date equals one computed anew, for any addresses and data.

import fc from "fast-check";
import { expect, test } from "vitest";
import { engineDeliversAlike } from "../engine/delivery-agreement.js";
import { ipText } from "./address.js";
import { updatedChecksum } from "./checksum-update.js";
import { type SnifferFields, send } from "./delivery-rows.js";
import { ethernet, hex, MAC_A } from "./packets.js";
import { frame, ipPacket, type Transport } from "./transport-packets.js";

test("the example of RFC 1624, section 4", () => {
  expect(updatedChecksum(0xdd2f, hex("5555"), hex("3285"))).toBe(0x0000);
});

// Bytes that make sums of 0 and 0xffff likely.
const byte = fc.oneof(fc.constantFrom(0, 0xff), fc.nat(0xff));
const address = (length: number) =>
  fc.array(byte, { minLength: length, maxLength: length }).map((bytes) => ipText(Uint8Array.from(bytes)));
const data = fc.array(byte, { maxLength: 9 }).map((bytes) => Uint8Array.from(bytes));
const transport = fc.constantFrom<Transport>("tcp", "udp", "udp-lite", "dccp");

test.each<[number, fc.Arbitrary<Transport>]>([
  [4, transport],
  [16, fc.oneof(transport, fc.constant<Transport>("icmpv6"))],
])("mode ip over addresses of %i bytes: incremental equals full", (length, transport) => {
  const property = fc.property(
    transport,
    data,
    fc.tuple(address(length), address(length), address(length)),
    (transport, data, [source, old, ip]) => {
      const sniffer: SnifferFields = { deliver: "ip", mac: "02:00:00:00:0a:01", ip };
      const type = length === 4 ? 0x0800 : 0x86dd;
      const expected = ethernet(type, ipPacket(transport, data, source, ip), MAC_A, hex("020000000a01"));
      const [sent] = send({ inner: frame(transport, data, source, old), sniffer }) as Uint8Array[];
      expect(sent!.subarray(0, expected.length)).toEqual(expected);
    },
  );
  fc.assert(property, { seed: 1, numRuns: 2000 });
});

engineDeliversAlike();
