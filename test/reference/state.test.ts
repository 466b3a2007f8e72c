// What the reference remembers from packet to packet: fragments, sequence numbers, mirror clocks, sessions.

import { describe, expect, test } from "vitest";
import { engineAgrees, remember } from "../engine/agreement.js";
import { DEFAULTS, ReferenceDecoder, type ReferenceOptions, type Settled } from "./index.js";
import { fragmentsOf } from "./mutate-shapes.js";
import * as make from "./packets.js";
import { ethernet, gre, ipv4, ipv6, join } from "./packets.js";

const SECOND = 1_000_000_000n;
const inner = ethernet(0x0800, ipv4(6, new Uint8Array(76).fill(7)));
const whole = ethernet(0x0800, ipv4(47, gre(0x6558, inner))); // 134 bytes after the IP header's 34: 114 of payload
const pieces = fragmentsOf({ frame: whole, linkType: 1 }, 48, 9); // 0-48, 48-96, 96-114

function fragment(offset: number, length: number, more: boolean, fill = 0, id = 9): Uint8Array {
  const flags = (more ? 0x2000 : 0) | (offset / 8);
  return ethernet(0x0800, ipv4(47, new Uint8Array(length).fill(fill), { id, fragment: flags }));
}

/** Feeds packets, numbered from 1, with their times in seconds; gives "number verdict" in order. */
function run(packets: (Uint8Array | [Uint8Array, number])[], options: Partial<ReferenceOptions> = {}) {
  const decoder = new ReferenceDecoder({ ...DEFAULTS, ...options });
  const settled: Settled[] = [];
  const frames = packets.map((each) => {
    const [frame, seconds] = each instanceof Uint8Array ? [each, 0] : each;
    return { frame, originalLength: frame.length, time: BigInt(seconds) * SECOND, linkType: 1 };
  });
  remember(options, frames);
  packets.forEach((each, index) => {
    const [frame, seconds] = each instanceof Uint8Array ? [each, 0] : each;
    settled.push(...decoder.packet(index + 1, frame, frame.length, BigInt(seconds) * SECOND, 1));
  });
  const log = settled.map(({ packet, result }) => `${packet} ${result.verdict}`);
  return { decoder, settled, log };
}

describe("fragments", () => {
  test("any order; the completing one gets the datagram's verdict", () => {
    const { settled, log, decoder } = run([pieces[2]!, pieces[0]!, pieces[1]!]);
    expect(log).toEqual(["1 reassembled", "2 reassembled", "3 delivered"]);
    expect(settled[2]!.result).toMatchObject({ inner, originalLength: inner.length, layers: 1 });
    expect(decoder.counters).toMatchObject({ held: 0, verdicts: { reassembled: 2, delivered: 1 } });
  });

  test("IPv6, extension headers behind the fragment header", () => {
    const packet = ipv6(60, make.extension(47, gre(0x6558, inner)));
    const cut = fragmentsOf({ frame: ethernet(0x86dd, packet), linkType: 1 }, 8, 77);
    const { settled } = run(cut);
    expect(settled.at(-1)!.result).toMatchObject({ verdict: "delivered", inner, source: "2001:db8::1" });
  });

  test("IPv6: the next header of the fragment at offset 0 counts, a hidden TCP is no tunnel", () => {
    const first = ethernet(0x86dd, ipv6(44, make.fragmentHeader(60, 0, true, 5, make.extension(6, []))));
    const last = ethernet(0x86dd, ipv6(44, make.fragmentHeader(47, 8, false, 5, new Uint8Array(9))));
    expect(run([last, first]).log).toEqual(["1 reassembled", "2 not-tunnel"]);
  });

  test("the key: VLAN, addresses, identification, protocol", () => {
    const others = [
      fragment(96, 18, false, 0, 10),
      ethernet(0x8100, make.tag(1, 0x0800, ipv4(47, new Uint8Array(18), { id: 9, fragment: 12 }))),
      ethernet(0x0800, ipv4(17, new Uint8Array(18), { id: 9, fragment: 12 })),
      ethernet(0x0800, ipv4(47, new Uint8Array(18), { id: 9, fragment: 12, source: "192.0.2.9" })),
    ];
    const { decoder } = run([pieces[0]!, pieces[1]!, ...others]);
    expect(decoder.counters.held).toBe(6);
    expect(decoder.finish().map(({ packet }) => packet)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(decoder.counters).toMatchObject({ held: 0, verdicts: { "fragment-timeout": 6 } });
  });

  test("malformed ones leave the datagram untouched", () => {
    const bad = [
      fragment(48, 12, true),
      fragment(48, 0, true),
      fragment(48, 0, false),
      fragment(65_528, 8, false),
      pieces[1]!.subarray(0, 60),
    ];
    expect(run([pieces[0]!, ...bad, pieces[1]!, pieces[2]!]).log).toEqual([
      "2 bad-flags",
      "3 bad-flags",
      "4 bad-flags",
      "5 too-large",
      "6 truncated",
      "1 reassembled",
      "7 reassembled",
      "8 delivered",
    ]);
  });

  test("an exact duplicate is counted apart and completes nothing", () => {
    const { log, decoder } = run([pieces[0]!, pieces[0]!, pieces[1]!, pieces[2]!]);
    expect(log).toEqual(["2 reassembled", "1 reassembled", "3 reassembled", "4 delivered"]);
    expect(decoder.counters.fragmentDuplicates).toBe(1);
  });

  const overlaps: [string, Uint8Array, Uint8Array][] = [
    ["the same range, other bytes", fragment(0, 48, true, 1), fragment(0, 48, true, 2)],
    ["a part of it", fragment(0, 48, true), fragment(40, 48, true)],
    ["the last ends before data held", fragment(48, 48, true), fragment(8, 8, false)],
    ["data past the known end", fragment(8, 8, false), fragment(16, 8, true)],
    ["a second last with another end", fragment(48, 8, false), fragment(8, 8, false)],
  ];
  test.each(overlaps)("overlap: %s", (_, first, second) => {
    const { log } = run([first, second, fragment(320, 8, true), [fragment(320, 8, true), 6]]);
    expect(log).toEqual(["1 fragment-overlap", "2 fragment-overlap", "3 fragment-overlap"]);
  });

  test("timeout: more than five seconds after the first, whatever the later packet is", () => {
    const stranger = ethernet(0x0806, new Uint8Array(28));
    const { log } = run([pieces[0]!, [pieces[1]!, 4], [stranger, 5], [stranger, 6], [pieces[2]!, 6]]);
    expect(log).toEqual(["3 not-tunnel", "1 fragment-timeout", "2 fragment-timeout", "4 not-tunnel"]);
  });

  test("a clock that is set back: what is held is as old as the next packet, and what is under way is put together", () => {
    const [first, second, third] = pieces as [Uint8Array, Uint8Array, Uint8Array];
    expect(
      run([
        [first, 7200],
        [second, 0],
        [third, 0],
      ]).log,
    ).toEqual(["1 reassembled", "2 reassembled", "3 delivered"]);
    // Of another one, whose datagram never ends: it goes five seconds after that, and not in two hours.
    const other = fragment(0, 48, true, 0, 10);
    const late = [
      [first, 7200],
      [other, 1],
      [whole, 6],
      [whole, 7],
    ] as [Uint8Array, number][];
    expect(run(late).log).toEqual(["3 delivered", "1 fragment-timeout", "2 fragment-timeout", "4 delivered"]);
    // As late as may be, the packets were not in order.
    const disordered = [
      [first, 5],
      [whole, 0],
      [whole, 10],
      [whole, 11],
    ] as [Uint8Array, number][];
    expect(run(disordered).log).toEqual(["2 delivered", "3 delivered", "1 fragment-timeout", "4 delivered"]);
  });

  test("128 pieces: the 129th takes all with it, and what follows", () => {
    const many = Array.from({ length: 130 }, (_, index) => fragment(8 * (index + 1), 8, true));
    const { log } = run(many);
    expect(log).toHaveLength(130);
    expect(new Set(log.map((line) => line.split(" ")[1]))).toEqual(new Set(["fragment-limit"]));
    expect(log.at(-1)).toBe("130 fragment-limit");
  });

  test("memory: the fragment alone is refused, a started 2,048 bytes is charged whole", () => {
    const reassembly = { ...DEFAULTS.reassembly, perSource: 4096 };
    const big = fragment(48, 2056, true);
    const { log } = run([pieces[0]!, big, fragment(4096, 8, true), fragment(4200, 8, true)], { reassembly });
    expect(log).toEqual(["2 fragment-limit", "4 fragment-limit"]);
  });
});

describe("sequence", () => {
  const erspan = (sequence: number, session = 1) =>
    ethernet(0x0800, ipv4(47, gre(0x88be, make.erspan2(inner, { session }), { sequence: sequence >>> 0 })));
  const figures = (numbers: number[]) => {
    const { lost, reordered, duplicates, restarts } = run(
      numbers.map((number) => erspan(number)),
    ).decoder.sessions()[0]!;
    return { lost, reordered, duplicates, restarts };
  };
  const none = { lost: 0, reordered: 0, duplicates: 0, restarts: 0 };
  const rows: [string, number[], Partial<typeof none>][] = [
    ["in order, across the wrap", [-2, -1, 0, 1], {}],
    ["gap", [1, 5], { lost: 3 }],
    ["reorder fills the gap", [1, 3, 2], { reordered: 1 }],
    ["duplicate", [1, 2, 1, 2], { duplicates: 2 }],
    ["before the first: reorder only", [10, 9, 9, 12], { reordered: 1, duplicates: 1, lost: 1 }],
    ["63 back is late, 64 back a restart", [0, 1, 64, 1, 0], { lost: 62, duplicates: 1, restarts: 1 }],
    ["the largest gap", [0, 2 ** 24], { lost: 2 ** 24 - 1 }],
    ["one more is a restart", [0, 2 ** 24 + 1], { restarts: 1 }],
    [
      "after a restart nothing before it was lost",
      [1000, 100, 99, 102],
      { restarts: 1, reordered: 1, lost: 1 },
    ],
  ];
  test.each(rows)("%s", (_, numbers, expected) => {
    expect(figures(numbers)).toEqual({ ...none, ...expected });
  });

  test("scope tunnel: one sequence for both sessions, figures on the first", () => {
    const packets = [erspan(1, 1), erspan(2, 2), erspan(5, 1)];
    const lost = (scope: "session" | "tunnel") =>
      run(packets, { sequenceScope: scope })
        .decoder.sessions()
        .map((session) => session.lost);
    expect(lost("tunnel")).toEqual([2, 0]);
    expect(lost("session")).toEqual([3, 0]);
  });
});

describe("mirror time", () => {
  const at = (timestamp: number, granularity: number, platform?: { id: number; word: number }) =>
    ethernet(
      0x0800,
      ipv4(
        47,
        gre(0x22eb, make.erspan3(inner, { timestamp, granularity, ...(platform ? { platform } : {}) })),
      ),
    );
  const times = (packets: [Uint8Array, number][], options: Partial<ReferenceOptions> = {}) => {
    const { settled, decoder } = run(packets, { time: "mirror", ...options });
    return { times: settled.map(({ result }) => result.time), counters: decoder.counters };
  };

  test("capture time unless asked for", () => {
    expect(run([[at(5, 1), 3]]).settled[0]!.result.time).toBe(3n * SECOND);
  });

  test("anchored at the first capture time, 100 ns ticks", () => {
    expect(
      times([
        [at(50, 1), 100],
        [at(60, 1), 100],
        [at(20, 1), 100],
      ]).times,
    ).toEqual([100n * SECOND, 100n * SECOND + 1000n, 100n * SECOND - 3000n]);
  });

  test("unwraps by the capture's clock: 2^32 ticks of 100 ns are 429.4967296 s", () => {
    expect(
      times([
        [at(0xffffffff, 1), 0],
        [at(0, 1), 0],
        [at(0, 1), 430],
        [at(0, 1), 1289],
      ]).times,
    ).toEqual([0n, 100n, 100n + 429_496_729_600n, 100n + 3n * 429_496_729_600n]);
  });

  test("IEEE 1588 nanoseconds wrap at a second, unless one is over it", () => {
    expect(
      times([
        [at(999_999_999, 2), 7],
        [at(1, 2), 7],
      ]).times[1],
    ).toBe(7n * SECOND + 2n);
    expect(
      times([
        [at(4_294_967_295, 2), 7],
        [at(1, 2), 7],
      ]).times[1],
    ).toBe(7n * SECOND + 2n);
  });

  test("another granularity starts anew", () => {
    expect(
      times([
        [at(0, 1), 0],
        [at(9, 0), 50],
      ]).times[1],
    ).toBe(50n * SECOND);
  });

  test("whole clocks: platform 3 with granularity 3, 5 and 6 with IEEE 1588", () => {
    const { times: whole, counters } = times([
      [at(7, 3, { id: 3, word: 2 }), 9],
      [at(7, 2, { id: 5, word: 2 }), 9],
      [at(7, 2, { id: 6, word: 3 }), 9],
      [at(7, 3, { id: 5, word: 3 }), 9],
      [at(7, 3), 9],
    ]);
    expect(whole).toEqual([2n ** 33n + 7n, 2n * SECOND + 7n, 3n * SECOND + 7n, 9n * SECOND, 9n * SECOND]);
    expect(counters.unknownGranularity).toBe(2);
  });

  test("a full session table: delivered, not tracked, capture time", () => {
    const other = ethernet(0x0800, ipv4(47, gre(0x88be, inner)));
    const { times: seen, counters } = times(
      [
        [other, 1],
        [at(1, 1), 2],
        [at(2, 1), 3],
      ],
      { sessions: 1 },
    );
    expect(seen).toEqual([SECOND, 2n * SECOND, 3n * SECOND]);
    expect(counters).toMatchObject({ untracked: 2, verdicts: { delivered: 3 } });
  });
});

test("sessions: order of appearance, identity, bytes; faults and filters", () => {
  const keyed = (key: number, payload = inner) => ethernet(0x0800, ipv4(47, gre(0x6558, payload, { key })));
  const bare = ethernet(0x0800, ipv4(47, gre(0x6558, inner)));
  const fault = ethernet(0x0800, ipv4(47, gre(0x1234, inner)));
  const { decoder } = run([keyed(2), bare, fault, keyed(0), keyed(2, join(inner, [1, 2]))], {
    filter: { vni: 1 },
  });
  const peers = { encapsulation: "gre", source: "192.0.2.1", destination: "192.0.2.2", hasSequence: false };
  expect(decoder.sessions()).toMatchObject([
    { ...peers, id: 2, packets: 2, bytes: 2 * inner.length + 2 },
    { ...peers, packets: 1, bytes: inner.length },
    { ...peers, id: 0, packets: 1, bytes: inner.length },
  ]);
  expect("id" in decoder.sessions()[1]!).toBe(false);
});

engineAgrees();
