// Fragments: what became of each, in packet order, and the tunnel headers of the datagram that they make.

import { expect, test } from "vitest";
import * as make from "../reference/packets.js";
import { decoding, explainFrames } from "./explained.js";
import { ARP, erspan2, inner, overGre, overIpv4 } from "./tunnels.js";

const whole = erspan2(7, make.ethernet(0x0800, make.ipv4(17, make.udp(9, new Uint8Array(600)))));
const piece = (from: number, to: number, id: number) =>
  overIpv4(47, whole.subarray(from, to), { id, fragment: (to < whole.length ? 0x2000 : 0) | (from / 8) });

test("each says what became of its datagram, in packet order", async () => {
  const records = await explainFrames([
    piece(0, 320, 1), // 1
    overGre(erspan2(9)), // 2
    piece(0, 320, 1), // 3: a duplicate
    piece(320, whole.length, 1), // 4
    piece(0, 320, 2), // 5
    piece(160, 480, 2), // 6: overlaps
    piece(480, whole.length, 2), // 7: too late
    piece(0, 320, 3), // 8: alone
  ]);
  expect(records.map(({ packet, verdict }) => [packet, verdict])).toEqual([
    [1, "reassembled"],
    [2, "delivered"],
    [3, "reassembled"],
    [4, "delivered"],
    [5, "fragment-overlap"],
    [6, "fragment-overlap"],
    [7, "fragment-overlap"],
    [8, "fragment-timeout"],
  ]);
  const reasons = records.map(({ reason }) => reason);
  expect(reasons[0]).toMatch(/completed by packet 4/);
  expect(reasons[2]).toMatch(/repeats one already held/);
  expect(reasons[4]).toMatch(/packet 6 does not fit/);
  expect(reasons[5]).toMatch(/bytes 160 to 479 of datagram 2 overlap/);
  expect(reasons[6]).toMatch(/was discarded because fragments of it overlap/);
  expect(reasons[7]).toMatch(/when the file ended/);
  expect(records[3]).toMatchObject({ session: 7, reassembled: true, innerOffset: 16 });
});

test("a timeout names the packet that showed it", async () => {
  const records = await explainFrames([piece(0, 320, 1), ARP], { times: [0, 6000] });
  expect(records[0]).toMatchObject({
    verdict: "fragment-timeout",
    reason: expect.stringMatching(/5 s later, at packet 2/),
  });
});

test("no room", async () => {
  const reassembly = { memory: 2048, perSource: 2048, timeout: 5_000_000_000n };
  const records = await explainFrames([piece(0, 320, 1), piece(0, 320, 2)], {
    engine: decoding({ reassembly }),
  });
  expect(records[1]).toMatchObject({
    verdict: "fragment-limit",
    reason: expect.stringMatching(/find no room.*2048 bytes/),
  });
});

test("the tunnel headers of a datagram are read as they came, not as the engine left them", async () => {
  // The synthetic Ethernet header lies over the GENEVE header, the restored tag over ERSPAN's index.
  const bare = make.udp(6081, make.geneve(0xabcdef, 0x0800, make.ipv4(17, make.udp(9, new Uint8Array(64)))));
  const tagged = make.gre(0x88be, make.join([0x10, 30, 0x10, 7, 0, 0x01, 0x23, 0x45], inner), {
    sequence: 1,
  });
  const split = (protocol: number, datagram: Uint8Array, at: number, id: number) => [
    overIpv4(protocol, datagram.subarray(0, at), { id, fragment: 0x2000 }),
    overIpv4(protocol, datagram.subarray(at), { id, fragment: at / 8 }),
  ];
  const [, geneve] = await explainFrames(split(17, bare, 16, 1));
  expect(geneve).toMatchObject({ verdict: "delivered", vni: 0xabcdef, synthetic: true, innerOffset: 16 });
  expect(geneve!.headers.find(({ name }) => name === "GENEVE")).toMatchObject({
    offset: 8,
    datagram: true,
    fields: { vni: 0xabcdef, protocol: "0x0800" },
  });
  const [, erspan] = await explainFrames(split(47, tagged, 16, 2).reverse());
  expect(erspan).toMatchObject({ verdict: "delivered", restoredVlan: 30, session: 7 });
  expect(erspan!.headers.find(({ name }) => name === "ERSPAN II")).toMatchObject({
    fields: { index: 0x12345 },
  });
  expect(erspan!.headers.find(({ name }) => name === "inner Ethernet")).toMatchObject({
    fields: { type: "0x0800", source: "02:aa:00:00:00:0a" },
  });
});
