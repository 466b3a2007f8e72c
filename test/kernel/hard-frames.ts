// Frames that a tunnel's end could get wrong, each in an ERSPAN packet: lengths about every limit, tags of every kind.

import { type PcapPacket, pcap } from "../capture-builder.js";
import * as make from "../reference/packets.js";

/** Mirror sources of packets of ERSPAN II, and of III with either direction. */
export const SOURCES = { plain: "198.51.100.1", in: "198.51.100.2", out: "198.51.100.3" };
export const HARDWARE_ID = { in: 4, out: 37 };

const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => 7 * i + length);
const ipv4 = (length: number) =>
  make.ipv4(17, make.udp(9000, bytes(length)), { source: "10.1.0.5", destination: "10.1.0.6" });
const tagged = (tpids: readonly number[], etherType: number, payload: Uint8Array) => {
  const chain = [...tpids.slice(1), etherType];
  const behind = chain.reduceRight((rest, type, i) => make.tag(0xa000 + 30 + i, type, rest), payload);
  return make.ethernet(tpids[0]!, behind);
};

function lengths(from: number, to: number, frame: Uint8Array): Uint8Array[] {
  return Array.from({ length: to - from + 1 }, (_, i) => frame.slice(0, from + i));
}

/** No shorter than what Linux takes. */
const FRAMES: Uint8Array[] = [
  ...lengths(14, 80, make.ethernet(0x88b5, bytes(80))),
  ...lengths(34, 80, make.ethernet(0x0800, ipv4(2000))),
  ...lengths(1320, 1380, make.ethernet(0x0800, ipv4(2000))),
  ...[1400, 1500, 1514, 1518, 2772, 4000, 9000].map((length) => make.ethernet(0x88b5, bytes(length - 14))),
  ...[0x8100, 0x88a8, 0x9100].map((tpid) => tagged([tpid], 0x0800, ipv4(10))),
  tagged([0x8100, 0x8100], 0x0800, ipv4(10)),
  tagged([0x88a8, 0x8100], 0x0800, ipv4(10)),
  tagged([0x88a8, 0x8100, 0x8100], 0x0800, ipv4(10)),
  tagged([0x8100], 0x88b5, bytes(2000)),
  make.ethernet(0x8100, make.tag(0, 0x0806, bytes(28))), // priority only
  ...[0x8100, 0x88a8].flatMap((tpid) =>
    [20, 21, 24].map((length) => tagged([tpid], 0x0800, bytes(30)).slice(0, length)),
  ),
  make.ethernet(38, bytes(46), make.MAC_A, [0x01, 0x80, 0xc2, 0, 0, 0]), // LLC
  make.ethernet(0, bytes(46)),
  make.ethernet(0xffff, bytes(46)),
  make.ethernet(0x0800, ipv4(10), make.MAC_A, make.MAC_A),
  make.ethernet(0x0800, ipv4(10), [0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
  make.ethernet(0x0800, ipv4(10), [2, 0, 0, 0, 0, 2], [2, 0, 0, 0, 0, 2]),
  make.ethernet(0x0800, ipv4(10), [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]),
];

function mirrored(source: string, protocol: number, packet: Uint8Array): Uint8Array {
  const gre = make.gre(protocol, packet, { sequence: 0 });
  return make.ethernet(0x0800, make.ipv4(47, gre, { source }));
}

/** A capture file of them, and of a few for either direction. */
export function hardFrames(): Buffer {
  const packets: PcapPacket[] = FRAMES.map((frame) => ({
    data: mirrored(SOURCES.plain, 0x88be, make.erspan2(frame, { session: 300, vlan: 5, cos: 2 })),
    time: 0n,
  }));
  for (const direction of ["in", "out", "out", "in"] as const) {
    const fields = { hardwareId: HARDWARE_ID[direction], outgoing: direction === "out", granularity: 2 };
    const packet = make.erspan3(make.ethernet(0x0800, ipv4(packets.length)), fields);
    packets.push({ data: mirrored(SOURCES[direction], 0x22eb, packet), time: 0n });
  }
  return pcap(
    packets.map((packet, i) => ({ ...packet, time: 1_700_000_000_000_000_000n + BigInt(i) * 1000n })),
  );
}
