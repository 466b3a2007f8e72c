// What the program of the delivery interface lets in: what the kernel needs to find neighbours, and nothing else.

import { afterAll, beforeAll, expect, test } from "vitest";
import { deliveryProgram } from "../../src/transmit/guard.js";
import { seeds } from "../engine/corpus.js";
import { inKernel, KernelProgram, LEAST_FRAME, MOST_FRAME } from "../linux/kernel-programs.js";
import { mutations } from "../reference/mutate.js";
import { type Bytes, ethernet, extension, ipv4, ipv6, tag, udp } from "../reference/packets.js";

const MUTATIONS = Number(process.env.SPANGATE_STEERED ?? 20_000);
const SEED = Number(process.env.SPANGATE_SEED ?? 1);

const arp = new Uint8Array(46).fill(1);
const icmpv6 = (type: number, payload: Bytes = new Uint8Array(23)) =>
  ethernet(0x86dd, ipv6(58, [type, ...Array.from(payload)]));

const ROWS: [name: string, frame: Uint8Array, action: "pass" | "drop"][] = [
  ["ARP", ethernet(0x0806, arp), "pass"],
  ["ARP, padded", ethernet(0x0806, [...arp, ...new Uint8Array(18)]), "pass"],
  ["ARP of nothing", ethernet(0x0806, []), "pass"],
  ["reverse ARP", ethernet(0x8035, arp), "drop"],
  ["ARP with a tag", ethernet(0x8100, tag(5, 0x0806, arp)), "drop"],
  ["echo request", icmpv6(128), "drop"],
  ["multicast listener report", ethernet(0x86dd, ipv6(0, extension(58, [143, 0, 0, 0]))), "drop"],
  ["type 132", icmpv6(132), "drop"],
  ["router solicitation", icmpv6(133), "drop"],
  ["router advertisement", icmpv6(134), "drop"],
  ["neighbour solicitation", icmpv6(135), "pass"],
  ["neighbour advertisement", icmpv6(136), "pass"],
  ["neighbour solicitation, whole", icmpv6(135, new Uint8Array(31).fill(2)), "pass"],
  ["neighbour advertisement, whole", icmpv6(136, new Uint8Array(31).fill(3)), "pass"],
  ["redirect", icmpv6(137), "drop"],
  ["type 138", icmpv6(138), "drop"],
  ["type 255", icmpv6(255), "drop"],
  ["neighbour solicitation of one byte", icmpv6(135, []), "pass"],
  ["neighbour solicitation of none", icmpv6(135, []).subarray(0, -1), "drop"],
  [
    "neighbour solicitation behind an extension header",
    ethernet(0x86dd, ipv6(0, extension(58, [135]))),
    "drop",
  ],
  ["neighbour solicitation with a tag", ethernet(0x8100, tag(5, 0x86dd, ipv6(58, [135]))), "drop"],
  ["a UDP packet that looks like one", ethernet(0x86dd, ipv6(17, [135, 135, 135, 135])), "drop"],
  ["IPv4, ICMP of type 135", ethernet(0x0800, ipv4(1, new Uint8Array(40).fill(135))), "drop"],
  ["IPv4, UDP", ethernet(0x0800, ipv4(17, udp(53, [1]))), "drop"],
  ["IPv4, TCP", ethernet(0x0800, ipv4(6, new Uint8Array(20))), "drop"],
  ["spanning tree", ethernet(38, new Uint8Array(46)), "drop"],
  ["LLDP", ethernet(0x88cc, new Uint8Array(46)), "drop"],
  ["nothing behind the MACs", ethernet(0x86dd, []), "drop"],
];

/** The same once more: untagged ARP, or ICMPv6 of types 135 and 136 right behind the IPv6 header. */
function expected(frame: Uint8Array): "pass" | "drop" {
  const type = frame[12]! * 256 + frame[13]!;
  const isNeighbour = type === 0x86dd && frame[20] === 58 && frame[54]! >= 135 && frame[54]! <= 136;
  return type === 0x0806 || isNeighbour ? "pass" : "drop";
}

inKernel("the program of the delivery interface", () => {
  let program: KernelProgram;
  beforeAll(() => {
    program = new KernelProgram(deliveryProgram());
  });
  afterAll(() => program.close());

  test.each(ROWS)("%s", (_, frame, action) => {
    expect(program.action(frame)).toBe(action);
    expect(expected(frame)).toBe(action);
  });

  test("every packet above, cut at every length", () => {
    for (const [name, frame] of ROWS) {
      for (let length = LEAST_FRAME; length < frame.length; length++) {
        const cut = frame.subarray(0, length);
        expect(program.action(cut), `${name}, cut to ${length}`).toBe(expected(cut));
      }
    }
  });

  test(`agrees with the oracle over ${MUTATIONS} damaged packets`, { timeout: 600_000 }, () => {
    const few = seeds
      .filter(({ linkType, frame }) => linkType === 1 && frame.length < 500)
      .slice(0, ROWS.length);
    const stream = mutations(SEED, [...ROWS.map(([, frame]) => ({ frame, linkType: 1 })), ...few]);
    const seen = { drop: 0, pass: 0 };
    for (let done = 0; done < MUTATIONS; ) {
      const { frame } = stream.next().value;
      if (frame.length < LEAST_FRAME || frame.length > MOST_FRAME) continue;
      done++;
      const action = expected(frame);
      seen[action]++;
      if (program.action(frame) !== action)
        expect.fail(`not ${action}: ${Buffer.from(frame).toString("hex")}`);
    }
    expect(Math.min(seen.drop, seen.pass)).toBeGreaterThan(MUTATIONS / 20);
  });
});
