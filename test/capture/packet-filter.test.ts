// Which packets an AF_PACKET socket takes, asked of the kernel: a datagram from one socket of this process to another passes the filter as
// a frame does that has no tag beside it. Agreement with the oracle of the XDP program over whole, cut and damaged packets.

import koffi from "koffi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tunnelFilter } from "../../src/capture/packet-filter.js";
import type { Address } from "../../src/config/addresses.js";
import { close } from "../../src/linux/index.js";
import { check, libc } from "../../src/linux/libc.js";
import { attachFilter } from "../../src/linux/socket-filter.js";
import { seeds } from "../engine/corpus.js";
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
  udp,
  vxlan,
} from "../reference/packets.js";
import { expectedSteering } from "./steering-oracle.js";

const MUTATIONS = Number(process.env.SPANGATE_STEERED ?? 20_000);
const SEED = Number(process.env.SPANGATE_SEED ?? 1);
const PORTS = [4789, 8472, 6081];
const OURS = ["192.0.2.2", "2001:db8::2"];

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;
const socketpair =
  process.platform === "linux" && koffi.load("libc.so.6").func("int socketpair(int, int, int, void *)");

/** A filter in the kernel, and whether it takes a frame. */
class Filter {
  readonly #from: number;
  readonly #to: number;
  readonly #buffer = new Uint8Array(1);

  constructor(addresses: readonly string[], ports: readonly number[]) {
    const pair = new Int32Array(2);
    check((socketpair as (...of: unknown[]) => number)(AF_UNIX, SOCK_DGRAM, 0, pair), "socketpair", "test");
    [this.#from, this.#to] = pair as unknown as [number, number];
    attachFilter(this.#to, tunnelFilter(addresses.map(address), ports));
  }

  takes(frame: Uint8Array): boolean {
    check(libc.send(this.#from, frame, frame.length, 0), "send", "test a filter");
    return libc.recv(this.#to, this.#buffer, 1, MSG_DONTWAIT) >= 0;
  }
  close(): void {
    close(this.#from);
    close(this.#to);
  }
}

function address(text: string): Address {
  const bytes = parseIp(text);
  return { family: bytes.length === 4 ? 4 : 6, bytes };
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
/** Extension headers in front of a payload, among them a fragment header of the offset given. */
const behind = (headers: readonly number[], protocol: number, payload: Uint8Array, offset = 0) => {
  const whole = headers.reduceRight(
    ({ next, bytes }, header) => ({
      next: header,
      bytes: header === 44 ? fragmentHeader(next, offset, true, 9, bytes) : extension(next, bytes),
    }),
    { next: protocol, bytes: payload },
  );
  return ip6(whole.next, whole.bytes);
};
const OPTIONS = [1, 1, 1, 1, 1, 1, 1, 0];
const FRAMES: readonly Uint8Array[] = [
  ip4(47, mirrored),
  ip4(47, mirrored, { options: OPTIONS }),
  ip4(47, mirrored, { destination: "192.0.2.3" }),
  ip4(17, overlay),
  ip4(17, overlay, { options: OPTIONS }),
  ip4(17, query),
  ip4(17, query, { options: OPTIONS }),
  ip4(17, query, { fragment: 0x2000 }),
  ip4(17, query, { fragment: 5 }),
  ip4(17, overlay, { fragment: 0x2000 }),
  ip4(1, [8, 0, 0, 0, 0, 1, 0, 1]),
  ...[[0x8100], [0x88a8], [0x9100], [0x9100, 0x8100], [0x8100, 0x8100, 0x8100]].flatMap((types) => [
    tagged(types, ip4(47, mirrored)),
    tagged(types, behind([0, 44], 17, overlay)),
    tagged(types, ip4(17, query)),
  ]),
  ip6(47, mirrored, { destination: "2001:db8::3" }),
  ip6(58, [128, 0, 0, 0, 0, 0, 0, 0]),
  ...[
    [],
    [0],
    [44],
    [0, 43, 60],
    [0, 60, 43, 44, 60],
    [0, 60, 43, 60, 43, 60],
    [0, 60, 43, 60, 43, 60, 60],
  ].flatMap((headers) => [
    behind(headers, 47, mirrored),
    behind(headers, 17, overlay),
    behind(headers, 17, query),
    behind(headers, 17, query, 8),
  ]),
  ip6(60, join([17, 255], new Uint8Array(2046), overlay)),
  ip6(60, [47, 255, 0, 0, 0, 0, 0, 0]),
  ethernet(0x0806, new Uint8Array(46)),
];

describe.skipIf(process.platform !== "linux")("the filter of the tunnel interface", () => {
  const own = OURS.map(parseIp);
  let filter: Filter;
  beforeAll(() => {
    filter = new Filter(OURS, PORTS);
  });
  afterAll(() => filter.close());

  function expectAgreement(frame: Uint8Array): boolean {
    const expected = expectedSteering(frame, own, PORTS);
    if (filter.takes(frame) !== expected)
      expect.fail(`${expected ? "refused" : "taken"}: ${Buffer.from(frame).toString("hex")}`);
    return expected;
  }

  test("packets of every kind, cut at every length", () => {
    for (const frame of FRAMES)
      for (let length = Math.min(frame.length, 300); length > 0; length--)
        expectAgreement(frame.subarray(0, length));
    for (const frame of FRAMES) expectAgreement(frame);
  });

  test.each<[string, string[], number[]]>([
    ["IPv4 only", ["192.0.2.2"], PORTS],
    ["IPv6 only", ["2001:db8::2"], PORTS],
    ["several", [...OURS, "192.0.2.3", "2001:db8::3", "255.255.255.255"], PORTS],
    [
      "many, over jumps longer than a condition's",
      [
        ...Array.from({ length: 90 }, (_, i) => `10.77.${i}.2`),
        ...Array.from({ length: 90 }, (_, i) => `2001:db8:${i + 1}::2`),
        ...OURS,
      ],
      Array.from({ length: 200 }, (_, i) => 4700 + i),
    ],
    ["no ports", OURS, []],
    ["nothing", [], []],
  ])("%s", (_, addresses, ports) => {
    const other = new Filter(addresses, ports);
    try {
      for (const frame of FRAMES)
        expect(other.takes(frame)).toBe(expectedSteering(frame, addresses.map(parseIp), ports));
    } finally {
      other.close();
    }
  });

  test(`${MUTATIONS} damaged packets`, { timeout: 600_000 }, () => {
    const random = seeded(SEED);
    const corpus: Shape[] = [
      ...FRAMES.map((frame) => ({ frame, linkType: 1 })),
      ...seeds.filter(({ linkType, frame }) => linkType === 1 && frame.length < 1500),
      ...Array.from({ length: 50 }, () => wrap(inner, random)),
    ];
    let taken = 0;
    const stream = mutations(SEED, corpus);
    for (let done = 0; done < MUTATIONS; ) {
      const { frame } = stream.next().value;
      if (frame.length === 0 || frame.length > 60_000) continue;
      done++;
      if (expectAgreement(frame)) taken++;
    }
    expect(Math.min(taken, MUTATIONS - taken)).toBeGreaterThan(MUTATIONS / 10);
  });
});
