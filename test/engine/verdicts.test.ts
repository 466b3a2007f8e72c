// Every verdict that decoding and the tenant map can give, with a packet for it: from the fixtures where a real sender or
// the fixture maker has one, constructed here where not. Rate, queue-full and send-error come with live delivery.

import { expect, test } from "vitest";
import { VERDICTS, type VerdictName } from "../../src/engine/index.js";
import type { ReferenceMap, ReferenceOptions } from "../reference/index.js";
import { erspan2, erspan3, ethernet, gre, ipv4, MAC_B } from "../reference/packets.js";
import { harnessFor } from "./agreement.js";
import { expectConservation } from "./compare.js";
import { fixtures } from "./corpus.js";
import type { Frame } from "./harness.js";

const OF_DELIVERY: VerdictName[] = ["rate", "queue-full", "send-error"];

const fixture = (name: string): Frame[] => fixtures.find((capture) => capture.name === name)!.frames;
const frames = (...list: Uint8Array[]): Frame[] =>
  list.map((frame) => ({ frame, originalLength: frame.length, time: 0n, linkType: 1 }));

const inner = (source: string, destination: string) => ethernet(0x0800, ipv4(6, [], { source, destination }));
const mirrored = (session: number, frame: Uint8Array) =>
  ethernet(0x0800, ipv4(47, gre(0x88be, erspan2(frame, { session }), { sequence: 1 })));
const fromTo = mirrored(7, inner("10.1.0.1", "10.2.0.1"));
/** A fragment of `length` bytes at `offset`. */
const fragment = (offset: number, length: number, more = true) =>
  ethernet(0x0800, ipv4(47, new Uint8Array(length), { id: 9, fragment: (more ? 0x2000 : 0) | (offset / 8) }));

const map: ReferenceMap = {
  gateway: ["192.0.2.2"],
  sniffers: [{ name: "a-ids", mac: "02:bb:00:00:00:0c" }, { name: "b-ids" }],
  sharedSources: [{ encapsulation: "erspan", session: 7 }],
  tenants: [
    {
      name: "a",
      sources: [{ encapsulation: "erspan", session: 1 }],
      addresses: ["10.1.0.0/16"],
      nonIp: "drop",
      sniffers: ["a-ids"],
    },
    { name: "b", sources: [], addresses: ["10.2.0.0/16"], nonIp: "drop", sniffers: ["b-ids"] },
  ],
};
const toSniffer = ethernet(0x0800, ipv4(6, []), MAC_B, [0x02, 0xbb, 0, 0, 0, 0x0c]);

const rows: [VerdictName, string, Frame[], Partial<ReferenceOptions>][] = [
  ["delivered", "Open vSwitch, ERSPAN II", fixture("ovs-erspan2"), {}],
  ["delivered", "the Linux kernel, ERSPAN I", fixture("kernel-erspan1"), {}],
  [
    "delivered",
    "ERSPAN III without GRE S",
    frames(ethernet(0x0800, ipv4(47, gre(0x22eb, erspan3(inner("10.1.0.1", "10.1.0.2")))))),
    {},
  ],
  ["reassembled", "the Linux kernel, VXLAN larger than the MTU", fixture("kernel-vxlan"), {}],
  ["not-tunnel", "TCP between the mirrors", fixture("demo-mixed"), {}],
  ["truncated", "a snapshot length of 60", fixture("scapy-snaplen60"), {}],
  ["bad-checksum", "Open vSwitch sums before it writes the sequence number", fixture("ovs-gre-csum-seq"), {}],
  ["unsupported-version", "PPTP", fixture("scapy-gre"), {}],
  ["unsupported-payload", "ERSPAN III of an unknown frame type", fixture("scapy-erspan3-payloads"), {}],
  ["bad-flags", "VXLAN without I", fixture("scapy-udp-tunnels"), {}],
  ["critical-option", "GENEVE with an option nobody knows", fixture("scapy-udp-tunnels"), {}],
  ["fragment-overlap", "overlapping fragments", fixture("scapy-fragments-ipv4"), {}],
  ["fragment-timeout", "a fragment that never came", fixture("scapy-fragments-ipv4"), {}],
  [
    "fragment-limit",
    "more pieces than a datagram may have",
    frames(...Array.from({ length: 130 }, (_, i) => fragment(i * 16, 8))),
    {},
  ],
  [
    "fragment-limit",
    "more than one source may hold",
    frames(fragment(0, 2048), fragment(2048, 2048), fragment(4096, 8)),
    {
      reassembly: { memory: 65_536, perSource: 4096, timeout: 1n },
    },
  ],
  ["too-large", "a fragment past 65,535", frames(fragment(65_528, 8)), {}],
  ["loop", "a frame to a sniffer's own MAC", frames(mirrored(1, toSniffer)), { map }],
  ["loop", "a tunnel to this gateway, mirrored", frames(mirrored(1, fromTo)), { map }],
  ["unmapped", "a session nobody claims", frames(mirrored(2, inner("10.1.0.1", "10.1.0.2"))), { map }],
  [
    "foreign-address",
    "neither end is the tenant's",
    frames(mirrored(1, inner("10.2.0.1", "10.2.0.2"))),
    { map },
  ],
  ["ambiguous-tenant", "both ends, and no direction", frames(fromTo), { map }],
  ["filtered", "another session", frames(fromTo), { filter: { session: 100 } }],
];

test.each(rows)("%s: %s", async (verdict, _what, packets, options) => {
  const harness = (await harnessFor(options))!;
  const settled = [...harness.run(packets), ...harness.finish()];
  expect(settled.map(({ result }) => result.verdict)).toContain(verdict);
  expect(settled.length).toBe(packets.length);
  expectConservation(harness.engine);
});

test("every verdict has a row, those of live delivery apart", () => {
  const covered = new Set(rows.map(([verdict]) => verdict));
  expect(VERDICTS.filter((verdict) => !covered.has(verdict))).toEqual(OF_DELIVERY);
});
