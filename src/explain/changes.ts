// What delivery on a sniffer's own segment changed in a frame: found by comparing it with the frame as it was decoded. The
// headers only say what the places that differ are called.

import type { Change } from "./delivery-record.js";
import { hex16, hexBytes, ipv4, ipv6, mac, u16 } from "./network-order.js";
import { IPV4, IPV6, isExtension, isTag } from "./numbers.js";

interface Place {
  readonly field: string;
  readonly at: number;
  readonly length: number;
  text(bytes: Uint8Array, at: number): string;
}

const MACS = 12;
const TAG = 4;

/**
 * Differences between a frame of at least 14 bytes and what became of it.
 *
 * @param isTagged a tag was pushed: it stands in `after` behind the MAC addresses
 */
export function changesOf(before: Uint8Array, after: Uint8Array, isTagged: boolean): Change[] {
  const moved = (at: number) => (isTagged && at >= MACS ? at + TAG : at);
  const differs = (at: number) => before[at] !== after[moved(at)];
  const changes: Change[] = [];
  const told = new Set<number>();
  for (const { field, at, length, text } of placesOf(before)) {
    let isOther = false;
    for (let i = at; i < at + length; i++) {
      isOther ||= differs(i);
      told.add(i);
    }
    const offset = moved(at);
    if (isOther) changes.push({ field, offset, before: text(before, at), after: text(after, offset) });
  }
  if (isTagged) {
    const vid = String(u16(after, MACS + 2) & 0xfff);
    const macs = changes.filter(({ offset }) => offset < MACS).length;
    changes.splice(macs, 0, { field: "VLAN tag", offset: MACS, after: vid });
  }
  for (let at = 0; at < before.length; at++) {
    if (told.has(at) || !differs(at)) continue;
    const offset = moved(at);
    const text = (bytes: Uint8Array, p: number) => `0x${hexBytes(bytes, p, p + 1)}`;
    changes.push({ field: `byte ${offset}`, offset, before: text(before, at), after: text(after, offset) });
  }
  return changes;
}

/** Fields that addressing a frame to somebody else may touch, those that lie whole in it. */
function placesOf(b: Uint8Array): Place[] {
  const places: Place[] = [
    { field: "destination MAC", at: 0, length: 6, text: mac },
    { field: "source MAC", at: 6, length: 6, text: mac },
  ];
  let at = MACS;
  while (at + 2 <= b.length && isTag(u16(b, at)) && at < MACS + 2 * TAG) at += TAG;
  if (at + 2 > b.length) return places;
  const type = u16(b, at);
  const ip = at + 2;
  if (type === IPV4 && ip + 20 <= b.length && b[ip]! >> 4 === 4) {
    places.push(
      { field: "destination IP", at: ip + 16, length: 4, text: ipv4 },
      { field: "IPv4 checksum", at: ip + 10, length: 2, text: checksum },
      ...upper(b, b[ip + 9]!, ip + (b[ip]! & 15) * 4),
    );
  } else if (type === IPV6 && ip + 40 <= b.length && b[ip]! >> 4 === 6) {
    places.push({ field: "destination IP", at: ip + 24, length: 16, text: ipv6 }, ...upper6(b, ip));
  }
  return places;
}

/** Checksums whose pseudo header has the destination address: name and place by IP protocol. */
const CHECKSUMS: Readonly<Record<number, readonly [string, number]>> = {
  6: ["TCP", 16],
  17: ["UDP", 6],
  33: ["DCCP", 6],
  58: ["ICMPv6", 2],
  136: ["UDP-Lite", 6],
};

function upper(b: Uint8Array, protocol: number, header: number): Place[] {
  const [name, offset] = CHECKSUMS[protocol] ?? ["", 0];
  const at = header + offset;
  return name === "" || at + 2 > b.length
    ? []
    : [{ field: `${name} checksum`, at, length: 2, text: checksum }];
}

function upper6(b: Uint8Array, ip: number): Place[] {
  let protocol = b[ip + 6]!;
  let at = ip + 40;
  while ((isExtension(protocol) || protocol === 44 || protocol === 51) && at + 8 <= b.length) {
    const words = b[at + 1]!;
    const length = protocol === 44 ? 8 : protocol === 51 ? (words + 2) * 4 : (words + 1) * 8;
    protocol = b[at]!;
    at += length;
  }
  return upper(b, protocol, at);
}

function checksum(bytes: Uint8Array, at: number): string {
  return hex16(u16(bytes, at));
}
