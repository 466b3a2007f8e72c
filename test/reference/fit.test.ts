// `fit`: what happens to a packet that is longer than the path MTU, and what becomes of it at the far end.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { engineDeliversAlike, RecordedDelivery } from "../engine/delivery-agreement.js";
import { decoded, mapOf, type SnifferFields, send } from "./delivery-rows.js";
import { flowHash } from "./flow.js";
import { DEFAULTS, ReferenceDecoder } from "./index.js";
import * as make from "./packets.js";
import { ethernet, gre, hex, ipv4, ipv6 } from "./packets.js";
import { u16, u32 } from "./region.js";
import { seal } from "./transport-packets.js";

const MACS: [Uint8Array, Uint8Array] = [hex("020000000001"), hex("020000000002")];
const TO4 = "192.0.2.10";
const TO6 = "2001:db8:5::10";
const FROM4 = "198.51.100.1";
const FROM6 = "2001:db8:f::1";
const options = { mtu: 200, addresses: [FROM4, FROM6] };
const inner = ethernet(
  0x88b5,
  Uint8Array.from({ length: 386 }, (_, at) => at & 0xff),
); // 400 bytes
const flowLabel = flowHash(inner) & 0xfffff;
const port = 49152 + (flowHash(inner) & 0x3fff);

describe("truncate", () => {
  test.each<[string, SnifferFields, number]>([
    ["vxlan", { deliver: "vxlan", to: TO4, vni: 1 }, 20 + 16],
    ["vxlan over IPv6", { deliver: "vxlan", to: TO6, vni: 1 }, 40 + 16],
    ["geneve", { deliver: "geneve", to: TO4, vni: 1 }, 20 + 16],
    ["gre", { deliver: "gre", to: TO4 }, 20 + 4],
    ["gre with key, over IPv6", { deliver: "gre", to: TO6, key: 1 }, 40 + 8],
    ["erspan2", { deliver: "erspan2", to: TO4, session: 1 }, 20 + 16],
    ["erspan3 over IPv6, in a VLAN", { deliver: "erspan3", to: TO6, session: 1, vlan: 9 }, 40 + 20],
  ])("%s: the outer packet is as long as the MTU", (_, sniffer, headers) => {
    const [sent] = send({ inner, sniffer, options }) as Uint8Array[];
    const link = sniffer.vlan === undefined ? 14 : 18;
    expect(sent!.length).toBe(link + 200);
    expect(sent!.subarray(link + headers)).toEqual(inner.subarray(0, 200 - headers));
  });

  test("T is set when it cut something, not when it was just enough", () => {
    const isT = (length: number) => {
      const sniffer: SnifferFields = { deliver: "erspan2", to: TO4, session: 0 };
      const [sent] = send({ inner: inner.subarray(0, length), sniffer, options }) as Uint8Array[];
      return (u16(sent!, 14 + 20 + 8 + 2) & 0x400) !== 0;
    };
    expect([164, 165].map(isT)).toEqual([false, true]);
  });

  test("lengths and UDP checksum are of what is sent", () => {
    const [sent] = send({ inner, sniffer: { deliver: "vxlan", to: TO6, vni: 1 }, options }) as Uint8Array[];
    const datagram = make.udp(4789, make.vxlan(1, inner.subarray(0, 144)), undefined, port);
    const packet = ipv6(17, seal("udp", datagram, FROM6, TO6), {
      source: FROM6,
      destination: TO6,
      flowLabel,
    });
    expect(sent).toEqual(ethernet(0x86dd, packet, ...MACS));
  });

  test("the smallest MTU leaves a few bytes", () => {
    const sniffer: SnifferFields = { deliver: "erspan3", to: TO6, session: 0 };
    const [sent] = send({ inner, sniffer, options: { mtu: 68 } }) as Uint8Array[];
    expect(sent!.subarray(14 + 60)).toEqual(inner.subarray(0, 8));
  });
});

test("drop: over the MTU it is too large", () => {
  const sniffer: SnifferFields = { deliver: "gre", to: TO4, fit: "drop" };
  expect(send({ inner: inner.subarray(0, 176), sniffer, options })).toHaveLength(1);
  expect(send({ inner: inner.subarray(0, 177), sniffer, options })).toBe("too-large");
  expect(send({ inner, sniffer, options, tenant: { snaplen: 176 } })).toHaveLength(1);
});

describe("fragment", () => {
  const payload = gre(0x6558, inner, { key: 5 }); // 408 bytes
  test("IPv4: 180 bytes fit, 176 of them are a multiple of 8", () => {
    const sent = send({ inner, sniffer: { deliver: "gre", to: TO4, key: 5, fit: "fragment" }, options });
    const fragment = (from: number, to: number, more: boolean) => {
      const fields = { source: FROM4, destination: TO4, id: 0, fragment: (more ? 0x2000 : 0) | (from / 8) };
      return ethernet(0x0800, ipv4(47, payload.subarray(from, to), fields), ...MACS);
    };
    expect(sent).toEqual([fragment(0, 176, true), fragment(176, 352, true), fragment(352, 408, false)]);
  });

  test("IPv6: a fragment header each, the checksum of the whole", () => {
    const sniffer: SnifferFields = { deliver: "geneve", to: TO6, vni: 9, fit: "fragment" };
    const sent = send({ inner, sniffer: { ...sniffer, vlan: 7 }, options });
    const datagram = make.udp(6081, make.geneve(9, 0x6558, inner), undefined, port); // 416 bytes
    const whole = seal("udp", datagram, FROM6, TO6);
    const fragment = (from: number, to: number, more: boolean) => {
      const data = make.fragmentHeader(17, from, more, 0, whole.subarray(from, to));
      const packet = ipv6(44, data, { source: FROM6, destination: TO6, flowLabel });
      return ethernet(0x8100, make.tag(7, 0x86dd, packet), ...MACS);
    };
    // 200 - 40 - 8 = 152
    expect(sent).toEqual([fragment(0, 152, true), fragment(152, 304, true), fragment(304, 416, false)]);
  });

  test("a packet that fits: no DF, its identification, no fragment header", () => {
    const short = inner.subarray(0, 100);
    const label = flowHash(short) & 0xfffff;
    const packet4 = ipv4(47, gre(0x6558, short), { source: FROM4, destination: TO4 });
    const packet6 = ipv6(47, gre(0x6558, short), { source: FROM6, destination: TO6, flowLabel: label });
    const to = (to: string) =>
      send({ inner: short, sniffer: { deliver: "gre", to, fit: "fragment" }, options });
    expect(to(TO4)).toEqual([ethernet(0x0800, packet4, ...MACS)]);
    expect(to(TO6)).toEqual([ethernet(0x86dd, packet6, ...MACS)]);
  });

  test("the identification counts packets by destination, whatever the tunnel", () => {
    const fields: SnifferFields = { deliver: "gre", fit: "fragment", to: TO4 };
    const delivery = new RecordedDelivery(
      mapOf([
        { ...fields, name: "a" },
        { ...fields, name: "b", deliver: "vxlan", vni: 1 },
        { ...fields, name: "c", to: TO6 },
        { ...fields, name: "d", fit: "truncate" },
      ]),
      options,
    );
    for (let packet = 0; packet < 3; packet++) delivery.deliver(decoded(inner));
    const ids = (name: string) =>
      delivery.take(name).map(({ frames }) => frames.map((frame) => u16(frame, 18)));
    expect(ids("a").map((each) => new Set(each))).toEqual([0, 2, 4].map((id) => new Set([id])));
    expect(ids("b").map((each) => new Set(each))).toEqual([1, 3, 5].map((id) => new Set([id])));
    const ids6 = delivery.take("c").map(({ frames }) => new Set(frames.map((frame) => u32(frame, 58))));
    expect(ids6).toEqual([0, 1, 2].map((id) => new Set([id])));
    expect(ids("d")).toEqual([[0], [0], [0]]);
  });

  test("over 65,535 bytes in all it is too large, to truncate it is not", () => {
    const sniffer: SnifferFields = { deliver: "gre", to: TO4, fit: "fragment" };
    const huge = ethernet(0x88b5, new Uint8Array(65_535 - 24 - 14));
    const about = { originalLength: 70_000 };
    expect(send({ inner: huge, sniffer, options: { mtu: 9000 }, about })).toHaveLength(8);
    const larger = make.join(huge, [0]);
    expect(send({ inner: larger, sniffer, options: { mtu: 9000 } })).toBe("too-large");
    expect(send({ inner: larger, sniffer: { ...sniffer, fit: "drop" }, options: { mtu: 65_535 } })).toBe(
      "too-large",
    );
    expect(send({ inner: larger, sniffer: { ...sniffer, fit: "truncate" }, options })).toHaveLength(1);
  });
});

test("what a gateway at the far end decodes is the frame, in one piece or many", () => {
  const sniffers: SnifferFields[] = [
    { deliver: "vxlan", vni: 7 },
    { deliver: "geneve", vni: 7 },
    { deliver: "gre", key: 7 },
    { deliver: "erspan2", session: 7 },
    { deliver: "erspan3", session: 7 },
  ];
  const property = fc.property(
    fc.constantFrom(...sniffers),
    fc.constantFrom(TO4, TO6),
    fc.constantFrom("truncate" as const, "fragment" as const),
    fc.integer({ min: 68, max: 1500 }),
    fc.uint8Array({ minLength: 46, maxLength: 1200 }),
    (fields, to, fit, mtu, data) => {
      const frame = ethernet(0x88b5, data);
      const sent = send({ inner: frame, sniffer: { ...fields, to, fit }, options: { mtu } }) as Uint8Array[];
      const decoder = new ReferenceDecoder(DEFAULTS);
      const settled = sent.flatMap((bytes, at) => decoder.packet(at + 1, bytes, bytes.length, 0n, 1));
      const { result } = settled.at(-1)!;
      expect(result).toMatchObject({ verdict: "delivered", id: 7 });
      const arrived = result.inner!;
      expect(arrived).toEqual(frame.subarray(0, arrived.length));
      if (fit === "fragment") expect(arrived.length).toBe(frame.length);
      for (const bytes of sent) expect(bytes.length).toBeLessThanOrEqual(Math.max(60, 14 + mtu));
      if (result.erspanType !== undefined) expect(result.truncated).toBe(arrived.length < frame.length);
    },
  );
  fc.assert(property, { seed: 1, numRuns: 300 });
});

engineDeliversAlike();
