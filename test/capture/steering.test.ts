// Which frames the program in the kernel takes for the gateway: rows of whole packets, and agreement with a slow and obvious oracle over
// damaged ones. There is no socket in the map, so that what is ours is dropped.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tunnelProgram } from "../../src/capture/steering.js";
import type { Address } from "../../src/config/addresses.js";
import { BpfMap, close, createMap } from "../../src/linux/index.js";
import { seeds } from "../engine/corpus.js";
import { inKernel, KernelProgram, LEAST_FRAME, MOST_FRAME } from "../linux/kernel-programs.js";
import { parseIp } from "../reference/address.js";
import { mutations, seeded } from "../reference/mutate.js";
import { type Shape, wrap } from "../reference/mutate-shapes.js";
import {
  type Bytes,
  erspan2,
  ethernet,
  extension,
  fragmentHeader,
  gre,
  ipv4,
  ipv6,
  join,
  tag,
  udp,
  vxlan,
} from "../reference/packets.js";
import { expectedSteering } from "./steering-oracle.js";

const MUTATIONS = Number(process.env.SPANGATE_STEERED ?? 20_000);
const SEED = Number(process.env.SPANGATE_SEED ?? 1);

const PORTS = [4789, 8472, 6081];
const OURS4 = "192.0.2.2";
const OURS6 = "2001:db8::2";
const OURS = [OURS4, OURS6];

function address(text: string): Address {
  const bytes = parseIp(text);
  return { family: bytes.length === 4 ? 4 : 6, bytes };
}

let sockets: number;
const programs = new Map<string, KernelProgram>();
/** The program for these addresses and ports; the kernel takes each once. */
function program(addresses: readonly string[], ports: readonly number[] = PORTS): KernelProgram {
  const key = `${addresses} ${ports}`;
  let found = programs.get(key);
  if (found === undefined) {
    found = new KernelProgram(tunnelProgram(addresses.map(address), ports, sockets));
    programs.set(key, found);
  }
  return found;
}

const inner = ethernet(0x88b5, new Uint8Array(60).fill(7));
const mirrored = gre(0x88be, erspan2(inner, { session: 7 }), { sequence: 1 });
const overlay = udp(4789, vxlan(7, inner));
const query = udp(53, [1, 2, 3, 4]);
const ip4 = (protocol: number, payload: Bytes, fields = {}) =>
  ethernet(0x0800, ipv4(protocol, payload, fields));
const ip6 = (next: number, payload: Bytes, fields = {}) => ethernet(0x86dd, ipv6(next, payload, fields));
const tagged = (types: readonly number[], frame: Uint8Array) =>
  types.reduceRight(
    (at, type) => join(at.subarray(0, 12), [type >> 8, type & 0xff, 0, 30], at.subarray(12)),
    frame,
  );
/** Extension headers in front of a payload: `[0, 60]` is hop-by-hop, then destination options. */
const behind = (headers: readonly number[], protocol: number, payload: Uint8Array) =>
  headers.reduceRight(
    ({ next, bytes }, header) => ({ next: header, bytes: lengthened(extension(next, bytes), header) }),
    { next: protocol, bytes: payload },
  );
/** Routing headers of 24 bytes, for the sake of another length. */
function lengthened(header: Uint8Array, type: number): Uint8Array {
  if (type !== 43) return header;
  return join([header[0]!, 2, 4, 0, 0, 0, 0, 0], new Uint8Array(16), header.subarray(8));
}
const extended = (headers: readonly number[], protocol = 47, payload = mirrored) => {
  const { next, bytes } = behind(headers, protocol, payload);
  return ip6(next, bytes);
};
const OPTIONS = [1, 1, 1, 1, 1, 1, 1, 0];
const LATER = 0x2000 | 5;
const LAST = 5;
const FIRST = 0x2000;

const ROWS: [name: string, frame: Uint8Array, action: "ours" | "kernel"][] = [
  ["GRE", ip4(47, mirrored), "ours"],
  ["GRE of another host", ip4(47, mirrored, { destination: "192.0.2.3" }), "kernel"],
  ["GRE to the broadcast address", ip4(47, mirrored, { destination: "255.255.255.255" }), "kernel"],
  ["GRE from us", ip4(47, mirrored, { source: OURS4, destination: "192.0.2.1" }), "kernel"],
  ["GRE without a byte of it", ip4(47, []), "ours"],
  ["GRE with a bad checksum", ip4(47, mirrored, { badChecksum: true }), "ours"],
  ["GRE behind options", ip4(47, mirrored, { options: OPTIONS }), "ours"],
  ["GRE of version 1", ip4(47, gre(0x880b, inner, { flags: 1 })), "ours"],
  ["VXLAN", ip4(17, overlay), "ours"],
  ["VXLAN of Linux", ip4(17, udp(8472, vxlan(1, inner))), "ours"],
  ["GENEVE", ip4(17, udp(6081, new Uint8Array(40))), "ours"],
  ["VXLAN of another host", ip4(17, overlay, { destination: "192.0.2.3" }), "kernel"],
  ["VXLAN behind options", ip4(17, overlay, { options: OPTIONS }), "ours"],
  ["VXLAN behind the most options", ip4(17, overlay, { options: new Uint8Array(40).fill(1) }), "ours"],
  ["a source port of ours", ip4(17, udp(53, inner, undefined, 4789)), "kernel"],
  [
    "a source port of ours behind options",
    ip4(17, udp(53, inner, undefined, 4789), { options: [1, 1, 1, 1] }),
    "kernel",
  ],
  ["a port whose bytes are swapped", ip4(17, udp(0xb512, inner)), "kernel"],
  ["DNS", ip4(17, query), "kernel"],
  ["UDP of a header only", ip4(17, udp(4789, [])), "ours"],
  ["UDP cut in its header", ip4(17, udp(4789, []).subarray(0, 7)), "kernel"],
  ["TCP", ip4(6, new Uint8Array(20)), "kernel"],
  ["ping", ip4(1, [8, 0, 0, 0, 0, 1, 0, 1]), "kernel"],
  ["a first fragment of GRE", ip4(47, mirrored, { fragment: FIRST }), "ours"],
  ["a first fragment of VXLAN", ip4(17, overlay, { fragment: FIRST }), "ours"],
  ["a first fragment of DNS", ip4(17, query, { fragment: FIRST }), "kernel"],
  ["a later fragment", ip4(17, query, { fragment: LATER }), "ours"],
  ["a last fragment", ip4(17, query, { fragment: LAST }), "ours"],
  ["the farthest fragment", ip4(1, [1], { fragment: 0x1fff }), "ours"],
  [
    "a later fragment of another host",
    ip4(17, query, { fragment: LATER, destination: "192.0.2.3" }),
    "kernel",
  ],
  ["do not fragment", ip4(17, query, { fragment: 0x4000 }), "kernel"],
  ["the evil bit", ip4(17, query, { fragment: 0x8000 }), "kernel"],
  ["a header of fewer than 5 words", shortHeader(), "kernel"],
  ["IPv4 cut in its header", ip4(47, mirrored).subarray(0, 14 + 19), "kernel"],
  ["IPv4 of a header only", ip4(47, mirrored).subarray(0, 14 + 20), "ours"],

  ["one tag", tagged([0x8100], ip4(47, mirrored)), "ours"],
  ["one tag of 802.1ad", tagged([0x88a8], ip4(17, overlay)), "ours"],
  ["one tag of 0x9100", tagged([0x9100], ip6(17, overlay)), "ours"],
  ["two tags", tagged([0x88a8, 0x8100], ip4(47, mirrored)), "ours"],
  ["two tags the other way round", tagged([0x8100, 0x88a8], ip6(47, mirrored)), "ours"],
  ["three tags", tagged([0x88a8, 0x8100, 0x8100], ip4(47, mirrored)), "kernel"],
  ["one tag, DNS", tagged([0x8100], ip4(17, query)), "kernel"],
  [
    "two tags, another host",
    tagged([0x88a8, 0x8100], ip4(47, mirrored, { destination: "192.0.2.3" })),
    "kernel",
  ],
  ["a tag and nothing", ethernet(0x8100, []), "kernel"],
  ["a tag and half a tag", ethernet(0x8100, tag(1, 0x8100, [0, 1])), "kernel"],

  ["IPv6, GRE", ip6(47, mirrored), "ours"],
  ["IPv6, VXLAN", ip6(17, overlay), "ours"],
  ["IPv6, DNS", ip6(17, query), "kernel"],
  ["IPv6, another host", ip6(47, mirrored, { destination: "2001:db8::3" }), "kernel"],
  ["IPv6, another network", ip6(47, mirrored, { destination: "2001:db9::2" }), "kernel"],
  ["IPv6, from us", ip6(47, mirrored, { source: OURS6, destination: "2001:db8::1" }), "kernel"],
  ["IPv6, ping", ip6(58, [128, 0, 0, 0, 0, 0, 0, 0]), "kernel"],
  ["IPv6, TCP", ip6(6, new Uint8Array(20)), "kernel"],
  ["IPv6, no next header", ip6(59, []), "kernel"],
  ["IPv6, ESP", ip6(50, new Uint8Array(40)), "kernel"],
  ["IPv6, ICMP of another type in hop-by-hop", extended([0], 58, new Uint8Array(8)), "kernel"],
  ["IPv6 behind hop-by-hop, DNS", extended([0], 17, query), "kernel"],
  ["IPv6 behind five headers, VXLAN", extended([0, 60, 43, 43, 60], 17, overlay), "ours"],
  ["IPv6 behind six headers", extended([0, 60, 43, 60, 43, 60]), "ours"],
  ["IPv6 behind seven headers", extended([0, 60, 43, 60, 43, 60, 60]), "kernel"],
  ["IPv6, a first fragment of GRE", ip6(44, fragmentHeader(47, 0, true, 9, mirrored)), "ours"],
  ["IPv6, a first fragment of VXLAN", ip6(44, fragmentHeader(17, 0, true, 9, overlay)), "ours"],
  ["IPv6, a first fragment of DNS", ip6(44, fragmentHeader(17, 0, true, 9, query)), "kernel"],
  ["IPv6, a fragment that is everything", ip6(44, fragmentHeader(47, 0, false, 9, mirrored)), "ours"],
  ["IPv6, a later fragment", ip6(44, fragmentHeader(17, 8, true, 9, query)), "ours"],
  ["IPv6, the last fragment", ip6(44, fragmentHeader(58, 0xfff8, false, 9, [1])), "ours"],
  ["IPv6, reserved bits of a fragment header", ip6(44, fragmentHeader(17, 6, false, 9, query)), "kernel"],
  [
    "IPv6, a later fragment of another host",
    ip6(44, fragmentHeader(47, 8, true, 9, query), { destination: "::2" }),
    "kernel",
  ],
  [
    "IPv6, a fragment header cut",
    ip6(44, fragmentHeader(47, 8, true, 9, [])).subarray(0, 14 + 40 + 7),
    "kernel",
  ],
  [
    "IPv6, every header in the order of RFC 8200",
    (() => {
      const last = behind([60], 17, overlay);
      const fragment = fragmentHeader(last.next, 0, true, 9, last.bytes);
      const first = behind([0, 60, 43], 44, fragment);
      return ip6(first.next, first.bytes);
    })(),
    "ours",
  ],
  ["IPv6, the longest extension header", ip6(60, join([17, 255], new Uint8Array(2046), overlay)), "ours"],
  [
    "IPv6, an extension header that ends behind the frame",
    ip6(60, join([17, 255], new Uint8Array(100))),
    "kernel",
  ],
  ["IPv6, GRE in the header behind the frame", ip6(60, [47, 255, 0, 0, 0, 0, 0, 0]), "ours"],

  ["ARP", ethernet(0x0806, new Uint8Array(46)), "kernel"],
  ["LLDP", ethernet(0x88cc, new Uint8Array(46)), "kernel"],
  ["802.3", ethernet(64, new Uint8Array(64)), "kernel"],
  ["nothing behind the MACs", ethernet(0x0800, []), "kernel"],
];

/** Of which IHL would lead to the header's own bytes: the total length looks like a tunnel port. */
function shortHeader(): Uint8Array {
  const frame = ip4(17, new Uint8Array(60), { totalLength: 4789 });
  frame[14] = 0x40;
  return frame;
}

/** The kernel pads no frame of a test, and refuses the shortest. */
const action = (ours: boolean) => (ours ? "drop" : "pass");

inKernel("the program of the tunnel interface", () => {
  beforeAll(() => {
    sockets = createMap(BpfMap.XskMap, 4, 4, 1, "spangate_test");
  });
  afterAll(() => {
    for (const each of programs.values()) each.close();
    close(sockets);
  });

  describe("takes what is ours", () => {
    test.each(ROWS)("%s", (_, frame, expected) => {
      expect(program(OURS).action(frame)).toBe(action(expected === "ours"));
      expect(expectedSteering(frame, OURS.map(parseIp), PORTS)).toBe(expected === "ours");
    });
  });

  test("every packet above, cut at every length", () => {
    const addresses = OURS.map(parseIp);
    for (const [name, frame] of ROWS) {
      for (let length = LEAST_FRAME; length < Math.min(frame.length, 200); length++) {
        const cut = frame.subarray(0, length);
        const expected = action(expectedSteering(cut, addresses, PORTS));
        if (program(OURS).action(cut) !== expected) expect.fail(`${name}, cut to ${length}: not ${expected}`);
      }
    }
  });

  test.each([0, 1, 2, 3, 4])("no header of %i words has a port in it", (words) => {
    const frame = ip4(17, overlay);
    frame[14] = 0x40 | words;
    const [low, high] = [14 + words * 4 + 2, 14 + words * 4 + 3];
    expect(program([OURS4], [frame[low]! * 256 + frame[high]!]).action(frame)).toBe("pass");
  });

  test("every order of up to three extension headers and a fragment header", () => {
    const kinds = [0, 43, 44, 60];
    for (let order = 0; order < kinds.length ** 4; order++) {
      const headers = [0, 1, 2, 3].map((place) => kinds[Math.floor(order / kinds.length ** place) % 4]!);
      const { next, bytes } = headers.reduceRight(
        (at, header) =>
          header === 44
            ? { next: 44, bytes: fragmentHeader(at.next, 0, true, 1, at.bytes) }
            : behind([header], at.next, at.bytes),
        { next: 17, bytes: overlay },
      );
      expect(program(OURS).action(ip6(next, bytes)), `${headers}`).toBe("drop");
      const other = ip6(next, join(bytes.subarray(0, -overlay.length), query));
      expect(program(OURS).action(other), `${headers}, DNS`).toBe("pass");
    }
  });

  const many4 = Array.from({ length: 40 }, (_, i) => `10.77.${i}.2`);
  const many6 = Array.from({ length: 40 }, (_, i) => `2001:db8:${i + 1}::2`);
  const manyPorts = Array.from({ length: 64 }, (_, i) => 4000 + i);
  const CONFIGURATIONS: [name: string, addresses: string[], ports: number[]][] = [
    ["IPv4 only", [OURS4], PORTS],
    ["IPv6 only", [OURS6], PORTS],
    ["several of IPv4", [OURS4, "192.0.2.3", "0.0.0.0", "255.255.255.255"], PORTS],
    ["several of IPv6", [OURS6, "2001:db8::3", "2001:db8:0:0:8000::2"], PORTS],
    ["one twice", [OURS4, OURS4, OURS6, OURS6], [4789, 4789]],
    ["many of everything", [OURS4, ...many4, ...many6], manyPorts],
    ["no ports", OURS, []],
    ["no ports, IPv4 only", [OURS4], []],
    ["no ports, IPv6 only", [OURS6], []],
    ["no addresses", [], PORTS],
    ["nothing at all", [], []],
  ];
  test.each(CONFIGURATIONS)("%s: is loaded, and takes what the oracle says", (_, addresses, ports) => {
    const loaded = program(addresses, ports);
    const own = addresses.map(parseIp);
    const asked = [OURS4, OURS6, "192.0.2.3", "2001:db8::3", "2001:db8:0:0:8000::2", ...addresses];
    for (const destination of asked) {
      for (const payload of [mirrored, overlay, udp(4000, inner), udp(4063, inner), query]) {
        const protocol = payload === mirrored ? 47 : 17;
        const make = destination.includes(":") ? ip6 : ip4;
        const frame = make(protocol, payload, { destination });
        const expected = action(expectedSteering(frame, own, ports));
        expect(loaded.action(frame), `to ${destination}`).toBe(expected);
      }
    }
  });

  test(`agrees with the oracle over ${MUTATIONS} damaged packets`, { timeout: 600_000 }, () => {
    const random = seeded(SEED);
    const corpus: Shape[] = [
      ...ROWS.map(([, frame]) => ({ frame, linkType: 1 })),
      ...seeds.filter(({ linkType, frame }) => linkType === 1 && frame.length < 1500),
      ...Array.from({ length: 50 }, () => wrap(inner, random)),
    ];
    const addresses = OURS.map(parseIp);
    const seen = { drop: 0, pass: 0 };
    const stream = mutations(SEED, corpus);
    for (let done = 0; done < MUTATIONS; ) {
      const { frame } = stream.next().value;
      if (frame.length < LEAST_FRAME || frame.length > MOST_FRAME) continue;
      done++;
      const expected = action(expectedSteering(frame, addresses, PORTS));
      seen[expected]++;
      const actual = program(OURS).action(frame);
      if (actual !== expected)
        expect.fail(`${actual}, not ${expected}: ${Buffer.from(frame).toString("hex")}`);
    }
    expect(Math.min(seen.drop, seen.pass)).toBeGreaterThan(MUTATIONS / 10);
  });
});
