// Reasons: every verdict has one that says what was found, where, and what would have been right.

import { expect, test } from "vitest";
import { VERDICTS } from "../../src/engine/index.js";
import { VERDICT_SENTENCES } from "../../src/explain/index.js";
import * as make from "../reference/packets.js";
import { decoding, explainFrames } from "./explained.js";
import { ARP, erspan2, erspan3, inner, overGre, overIpv4, overUdp } from "./tunnels.js";

const option = (type: number, words: number) => [1, 2, type, words, ...new Uint8Array(words * 4)];

interface Row {
  what: string;
  frame: Uint8Array;
  verdict: string;
  reason: RegExp;
}

const rows: Row[] = [
  {
    what: "ARP",
    frame: ARP,
    verdict: "not-tunnel",
    reason: /EtherType 0x0806 \(ARP\) .*offset 0; .*IPv4 \(0x0800\)/,
  },
  {
    what: "TCP",
    frame: overIpv4(6, new Uint8Array(20)),
    verdict: "not-tunnel",
    reason: /6 \(TCP\).*offset 14.*GRE \(47\)/,
  },
  {
    what: "DNS",
    frame: overUdp(53, inner),
    verdict: "not-tunnel",
    reason: /UDP at offset 34 goes to port 53/,
  },
  {
    what: "three tags",
    frame: make.ethernet(0x8100, make.tag(1, 0x8100, make.tag(2, 0x8100, make.tag(3, 0x0800, [])))),
    verdict: "not-tunnel",
    reason: /third VLAN tag/,
  },
  {
    what: "a short Ethernet header",
    frame: inner.subarray(0, 9),
    verdict: "truncated",
    reason: /Ethernet header at offset 0 needs 14 bytes, 9 /,
  },
  {
    what: "a short IPv4 header",
    frame: erspanCut(14 + 11),
    verdict: "truncated",
    reason: /IPv4 header at offset 14 needs 20 bytes, 11 were captured|11 remain/,
  },
  {
    what: "total length under the header's",
    frame: overIpv4(47, erspan3, { totalLength: 12 }),
    verdict: "truncated",
    reason: /20 bytes, but its total length is 12/,
  },
  {
    what: "a short UDP header",
    frame: overIpv4(17, new Uint8Array(5)),
    verdict: "truncated",
    reason: /UDP header at offset 34 needs 8 bytes, 5 remain/,
  },
  {
    what: "a UDP length of 4",
    frame: overIpv4(17, make.udp(4789, inner, 4)),
    verdict: "truncated",
    reason: /UDP length at offset 38 is 4/,
  },
  {
    what: "a short ERSPAN III sub-header",
    frame: overGre(erspan3.subarray(0, 4 + 12 + 3)),
    verdict: "truncated",
    reason: /ERSPAN III sub-header at offset 50 needs 8 bytes, 3 remain/,
  },
  {
    what: "a short ERSPAN II header",
    frame: overGre(erspan2(1).subarray(0, 8 + 6)),
    verdict: "truncated",
    reason: /ERSPAN II header at offset 42 needs 8 bytes, 6 remain/,
  },
  {
    what: "GRE fields cut",
    frame: overGre(make.gre(0x6558, inner, { key: 1, sequence: 2 }).subarray(0, 9)),
    verdict: "truncated",
    reason: /GRE header at offset 34 needs 12 bytes, 9 remain/,
  },
  {
    what: "GRE routes without an end",
    frame: overGre(make.gre(0x6558, [], { routing: [0, 1, 0, 0] })),
    verdict: "truncated",
    reason: /source routes at offset 42 do not end/,
  },
  {
    what: "FT 2 and nothing",
    frame: overGre(make.gre(0x22eb, make.erspan3([], { frameType: 2 }))),
    verdict: "truncated",
    reason: /IP follows \(FT 2\) at offset 50/,
  },
  {
    what: "an option over the end",
    frame: overUdp(6081, make.geneve(1, 0x6558, inner, [1, 2, 1, 9])),
    verdict: "truncated",
    reason: /option at offset 50 has 40 bytes, the options end after 4/,
  },
  {
    what: "GENEVE options cut",
    frame: overUdp(6081, make.geneve(1, 0x6558, [], option(1, 4)).subarray(0, 12)),
    verdict: "truncated",
    reason: /GENEVE header at offset 42 needs 28 bytes, 12 remain/,
  },
  {
    what: "TZSP without an end",
    frame: overUdp(37008, make.tzsp([], [10, 1, 0])),
    verdict: "truncated",
    reason: /tags at offset 46 have no end tag/,
  },
  {
    what: "a bad IPv4 checksum",
    frame: overIpv4(47, erspan3, { badChecksum: true }),
    verdict: "bad-checksum",
    reason: /IPv4 checksum at offset 24 is 0x[0-9a-f]{4}, its bytes give 0x/,
  },
  {
    what: "a bad GRE checksum",
    frame: overGre(make.gre(0x6558, inner, { checksum: "bad" })),
    verdict: "bad-checksum",
    reason: /GRE checksum at offset 38/,
  },
  {
    what: "PPTP",
    frame: overGre(make.gre(0x880b, inner, { flags: 1 })),
    verdict: "unsupported-version",
    reason: /GRE version at offset 34 is 1, not 0 \(1 is PPTP\)/,
  },
  {
    what: "ERSPAN II of version 4",
    frame: overGre(make.gre(0x88be, make.erspan2(inner, { version: 4 }), { sequence: 1 })),
    verdict: "unsupported-version",
    reason: /ERSPAN version at offset 42 is 4, not 1/,
  },
  {
    what: "GENEVE of version 1",
    frame: overUdp(6081, new Uint8Array(8).fill(0x40, 0, 1)),
    verdict: "unsupported-version",
    reason: /GENEVE version at offset 42 is 1/,
  },
  {
    what: "MPLS in GRE",
    frame: overGre(make.gre(0x8847, inner)),
    verdict: "unsupported-payload",
    reason: /0x8847 \(MPLS\)/,
  },
  {
    what: "FT 7",
    frame: overGre(make.gre(0x22eb, make.erspan3(inner, { frameType: 7 }))),
    verdict: "unsupported-payload",
    reason: /frame type at offset 48 is 7/,
  },
  {
    what: "NSH",
    frame: overUdp(4790, make.vxlanGpe(1, 4, inner)),
    verdict: "unsupported-payload",
    reason: /next protocol at offset 45 is 4 \(NSH\)/,
  },
  {
    what: "a GENEVE control packet",
    frame: overUdp(6081, make.geneve(1, 0x6558, inner, [], 0x80)),
    verdict: "unsupported-payload",
    reason: /O flag/,
  },
  {
    what: "TZSP keep-alive",
    frame: overUdp(37008, make.tzsp(inner, [1], 4)),
    verdict: "unsupported-payload",
    reason: /TZSP type at offset 43 is 4/,
  },
  {
    what: "VXLAN without I",
    frame: overUdp(4789, make.vxlan(1, inner, 0)),
    verdict: "bad-flags",
    reason: /VXLAN flags at offset 42 are 0x00, without I/,
  },
  {
    what: "a fragment of 9 bytes",
    frame: overIpv4(47, new Uint8Array(9), { fragment: 0x2000 }),
    verdict: "bad-flags",
    reason: /has 9 bytes; all but the last/,
  },
  {
    what: "an empty fragment",
    frame: overIpv4(47, new Uint8Array(0), { fragment: 0x2000 }),
    verdict: "bad-flags",
    reason: /carries no data/,
  },
  {
    what: "a critical option",
    frame: overUdp(6081, make.geneve(1, 0x6558, inner, [...option(1, 0), ...option(0x81, 0)])),
    verdict: "critical-option",
    reason: /class 0x0102 and type 1 at offset 54/,
  },
  {
    what: "a fragment past 65,535",
    frame: overIpv4(47, new Uint8Array(64), { fragment: 0x1fff }),
    verdict: "too-large",
    reason: /bytes 65528 to 65591 of datagram 0: .* at most 65535/,
  },
];

function erspanCut(length: number): Uint8Array {
  return overGre(erspan2(1)).subarray(0, length);
}

test.each(rows)("$what: $verdict", async ({ frame, verdict, reason }) => {
  const [record, ...more] = await explainFrames([frame]);
  expect(more).toEqual([]);
  expect(record).toMatchObject({ packet: 1, verdict, reason: expect.stringMatching(reason) });
});

test("a filter tells what it was asked for", async () => {
  const [record] = await explainFrames([overGre(erspan2(1))], { engine: { filter: { session: 2 } } });
  expect(record).toMatchObject({
    verdict: "filtered",
    reason: expect.stringMatching(/erspan 1 .*--session/),
    session: 1,
  });
});

test("every verdict has a sentence", () => {
  expect(Object.keys(VERDICT_SENTENCES).sort()).toEqual([...VERDICTS].sort());
  for (const verdict of VERDICTS) expect(VERDICT_SENTENCES[verdict].length).toBeGreaterThan(10);
});

test("with more depth the inner tunnel is told too, and what is no tunnel stays the inner frame's own", async () => {
  const nested = overGre(erspan2(1, overUdp(4789, make.vxlan(77, inner))));
  const [once] = await explainFrames([nested]);
  const [twice, plain] = await explainFrames([nested, overGre(erspan2(1))], {
    engine: decoding({ depth: 4 }),
  });
  expect(once!.headers.map(({ name }) => name)).not.toContain("VXLAN");
  expect(twice).toMatchObject({ encapsulation: "erspan", session: 1, layers: 2, innerOffset: 100 });
  expect(twice!.headers.map(({ name }) => name)).toEqual([
    ...["Ethernet", "IPv4", "GRE", "ERSPAN II", "Ethernet", "IPv4", "UDP", "VXLAN"],
    ...["inner frame", "inner Ethernet", "inner IPv4", "inner UDP"],
  ]);
  expect(plain!.headers.map(({ name }) => name)).toEqual([
    ...["Ethernet", "IPv4", "GRE", "ERSPAN II", "inner frame", "inner Ethernet", "inner IPv4", "inner UDP"],
  ]);
});
