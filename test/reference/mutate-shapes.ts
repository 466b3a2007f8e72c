// Larger changes of a frame than a few bytes: proper fragments, one more tunnel around it, checksums made good again.

import { readLink } from "./link.js";
import * as make from "./packets.js";
import { copy, put16, u8, u16 } from "./region.js";

export interface Shape {
  frame: Uint8Array;
  linkType: number;
}

/** A whole number from 0 to below `limit`. */
export type Random = (limit: number) => number;

/** Where the outer IP header starts, if there is one. */
function outerIp(shape: Shape): { at: number; version: 4 | 6 } | undefined {
  const link = readLink(shape.frame, shape.frame.length, shape.linkType);
  return typeof link === "string" ? undefined : { at: link.region.at, version: link.version };
}

/** The same packet as fragments of `size` bytes (a multiple of 8); the frame itself when it cannot be cut. */
export function fragmentsOf(shape: Shape, size: number, id: number): Uint8Array[] {
  const { frame } = shape;
  const ip = outerIp(shape);
  if (ip === undefined || frame.length < ip.at + 20) return [frame];
  const headerLength = ip.version === 4 ? (u8(frame, ip.at) & 0xf) * 4 : 40;
  const payload = frame.subarray(ip.at + headerLength);
  if (frame.length < ip.at + headerLength || headerLength < 20 || payload.length === 0) return [frame];
  const pieces: Uint8Array[] = [];
  for (let from = 0; from < payload.length; from += size) {
    const data = payload.subarray(from, from + size);
    const more = from + size < payload.length;
    const header = copy(frame.subarray(0, ip.at + headerLength));
    if (ip.version === 4) {
      put16(header, ip.at + 2, headerLength + data.length);
      put16(header, ip.at + 4, id);
      put16(header, ip.at + 6, (more ? 0x2000 : 0) | (from / 8));
      pieces.push(fixChecksums(make.join(header, data)));
    } else {
      put16(header, ip.at + 4, 8 + data.length);
      const next = u8(header, ip.at + 6);
      header[ip.at + 6] = 44;
      pieces.push(make.join(header, make.fragmentHeader(next, from, more, id, data)));
    }
  }
  return pieces;
}

/** The frame inside one more tunnel of some kind. */
export function wrap(frame: Uint8Array, random: Random): Shape {
  const session = random(4);
  const sequence = random(8);
  const kinds: (() => [protocol: number, payload: Uint8Array])[] = [
    () => [47, make.gre(0x88be, frame)],
    () => [47, make.gre(0x88be, make.erspan2(frame, erspanFields(random, session)), { sequence })],
    () => [47, make.gre(0x22eb, make.erspan3(frame, erspan3Fields(random, session)), { sequence })],
    () => [
      47,
      make.gre(0x22eb, make.erspan3(frame.subarray(14), { ...erspan3Fields(random, session), frameType: 2 })),
    ],
    () => [47, make.gre(0x6558, frame, { key: random(1024) })],
    () => [47, make.gre(0x6558, frame, { checksum: "good", sequence })],
    () => [47, make.gre(0x0800, frame.subarray(14), { routing: [8, 0, 0, 4, 1, 2, 3, 4, 0, 0, 0, 0] })],
    () => [17, make.udp(4789, make.vxlan(session, frame))],
    () => [17, make.udp(4790, make.vxlanGpe(session, 3, frame))],
    () => [17, make.udp(6081, make.geneve(session, 0x6558, frame, [0, 1, random(2) * 0x80, 1, 9, 9, 9, 9]))],
    () => [17, make.udp(37008, make.tzsp(frame, [0, 10, 1, 0, 1]))],
    () => [17, make.udp(7932, make.join(new Uint8Array(12), frame))],
    () => [17, make.udp(4754, make.gre(0x88be, make.erspan2(frame, { session }), { sequence }))],
  ];
  const [protocol, payload] = kinds[random(kinds.length)]!();
  if (random(4) === 0) {
    const source = `2001:db8::${random(3)}`;
    const behind = random(3) === 0 ? make.extension(protocol, payload) : payload;
    return {
      frame: make.ethernet(0x86dd, make.ipv6(behind === payload ? protocol : 60, behind, { source })),
      linkType: 1,
    };
  }
  const packet = make.ipv4(protocol, payload, { source: `192.0.2.${random(3)}` });
  const tags = random(4);
  if (tags === 1) return { frame: make.ethernet(0x8100, make.tag(random(4), 0x0800, packet)), linkType: 1 };
  return { frame: make.ethernet(0x0800, packet), linkType: 1 };
}

function erspanFields(random: Random, session: number): make.Erspan2Fields {
  return { session, vlan: random(3) * 100, cos: random(8), en: random(4), truncated: random(3) === 0 };
}

function erspan3Fields(random: Random, session: number): make.Erspan3Fields {
  const platform = random(2) === 0 ? {} : { platform: { id: random(8), word: random(2 ** 31) } };
  return {
    ...erspanFields(random, session),
    ...platform,
    timestamp: random(2 ** 32),
    granularity: random(4),
    hardwareId: random(64),
    outgoing: random(2) === 0,
  };
}

/** Makes every IPv4 header and GRE checksum that can be found good, from the inside out. */
export function fixChecksums(frame: Uint8Array): Uint8Array {
  for (let at = frame.length - 20; at >= 0; at--) {
    const headerLength = (frame[at]! & 0xf) * 4;
    const protocol = frame[at + 9]!;
    const looksLikeIpv4 = frame[at]! >> 4 === 4 && headerLength >= 20 && at + headerLength <= frame.length;
    if (!looksLikeIpv4 || (protocol !== 47 && protocol !== 17)) continue;
    const totalLength = u16(frame, at + 2);
    const end = totalLength === 0 ? frame.length : Math.min(frame.length, at + totalLength);
    const gre = at + headerLength;
    if (protocol === 47 && gre + 8 <= end && (frame[gre]! & 0x80) !== 0) fixAt(frame, gre, gre + 4, end);
    fixAt(frame, at, at + 10, at + headerLength);
  }
  return frame;
}

function fixAt(frame: Uint8Array, from: number, field: number, to: number): void {
  put16(frame, field, 0);
  put16(frame, field, make.checksum(frame, from, to));
}
