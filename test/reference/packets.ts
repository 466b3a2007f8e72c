// Packets put together by hand, header by header, for the reference's own tests and the mutator.

import { parseIp } from "./address.js";
import { type Bytes, be16, be24, be32, join } from "./octets.js";
import { onesComplementSum, put16 } from "./region.js";

export { type Bytes, be16, join } from "./octets.js";

export function hex(text: string): Uint8Array {
  const digits = text.replace(/[^0-9a-f]/gi, "");
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) =>
    Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16),
  );
}

export function checksum(bytes: Uint8Array, from: number, to: number): number {
  return onesComplementSum(bytes, from, to) ^ 0xffff;
}

export const MAC_A = [0x02, 0xaa, 0, 0, 0, 0x0a];
export const MAC_B = [0x02, 0xbb, 0, 0, 0, 0x0b];

export function ethernet(
  etherType: number,
  payload: Bytes,
  source: Bytes = MAC_A,
  destination: Bytes = MAC_B,
) {
  return join(destination, source, be16(etherType), payload);
}

/** A tag and what follows it, to stand behind the tag's own EtherType. */
export function tag(tci: number, etherType: number, payload: Bytes): Uint8Array {
  return join(be16(tci), be16(etherType), payload);
}

export interface Ipv4Fields {
  source?: string;
  destination?: string;
  id?: number;
  /** Flags and fragment offset as they stand on the wire. */
  fragment?: number;
  totalLength?: number;
  options?: Bytes;
  badChecksum?: boolean;
}

export function ipv4(protocol: number, payload: Bytes, fields: Ipv4Fields = {}): Uint8Array {
  const options = fields.options ?? [];
  const headerLength = 20 + options.length;
  const packet = join(
    [0x40 | (headerLength / 4), 0],
    be16(fields.totalLength ?? headerLength + payload.length),
    be16(fields.id ?? 0),
    be16(fields.fragment ?? 0),
    [64, protocol, 0, 0],
    parseIp(fields.source ?? "192.0.2.1"),
    parseIp(fields.destination ?? "192.0.2.2"),
    options,
    payload,
  );
  put16(packet, 10, checksum(packet, 0, headerLength) ^ (fields.badChecksum ? 0x0100 : 0));
  return packet;
}

export interface Ipv6Fields {
  source?: string;
  destination?: string;
  payloadLength?: number;
  flowLabel?: number;
}

export function ipv6(next: number, payload: Bytes, fields: Ipv6Fields = {}): Uint8Array {
  return join(
    be32(0x60000000 | (fields.flowLabel ?? 0)),
    be16(fields.payloadLength ?? payload.length),
    [next, 64],
    parseIp(fields.source ?? "2001:db8::1"),
    parseIp(fields.destination ?? "2001:db8::2"),
    payload,
  );
}

/** An IPv6 extension header of 8 bytes (0, 43 or 60), its options one PadN. */
export function extension(next: number, payload: Bytes): Uint8Array {
  return join([next, 0, 1, 4, 0, 0, 0, 0], payload);
}

export function fragmentHeader(
  next: number,
  offset: number,
  more: boolean,
  id: number,
  payload: Bytes,
): Uint8Array {
  return join([next, 0], be16(offset | (more ? 1 : 0)), be32(id), payload);
}

export function udp(port: number, payload: Bytes, length = 8 + payload.length, source = 49152): Uint8Array {
  return join(be16(source), be16(port), be16(length), [0, 0], payload);
}

export interface GreFields {
  key?: number;
  sequence?: number;
  checksum?: "good" | "bad";
  /** Source route entries, the null one included. */
  routing?: Bytes;
  /** More flag bits, or a version. */
  flags?: number;
}

export function gre(protocol: number, payload: Bytes, fields: GreFields = {}): Uint8Array {
  const flags =
    (fields.checksum ? 0x8000 : 0) |
    (fields.routing ? 0x4000 : 0) |
    (fields.key === undefined ? 0 : 0x2000) |
    (fields.sequence === undefined ? 0 : 0x1000) |
    (fields.flags ?? 0);
  const packet = join(
    be16(flags),
    be16(protocol),
    fields.checksum || fields.routing ? [0, 0, 0, 0] : [],
    fields.key === undefined ? [] : be32(fields.key),
    fields.sequence === undefined ? [] : be32(fields.sequence),
    fields.routing ?? [],
    payload,
  );
  if (fields.checksum)
    put16(packet, 4, checksum(packet, 0, packet.length) ^ (fields.checksum === "bad" ? 1 : 0));
  return packet;
}

export interface Erspan2Fields {
  session?: number;
  vlan?: number;
  cos?: number;
  en?: number;
  truncated?: boolean;
  version?: number;
  /** Type II. */
  index?: number;
}

function erspanWords(version: number, fields: Erspan2Fields): number[] {
  const { session = 0, vlan = 0, cos = 0, en = 0, truncated = false } = fields;
  const second = (cos << 13) | (en << 11) | (truncated ? 0x400 : 0) | session;
  return [...be16(((fields.version ?? version) << 12) | vlan), ...be16(second)];
}

export function erspan2(payload: Bytes, fields: Erspan2Fields = {}): Uint8Array {
  return join(erspanWords(1, fields), be32(fields.index ?? 0), payload);
}

export interface Erspan3Fields extends Erspan2Fields {
  timestamp?: number;
  /** P. */
  protocolFrame?: boolean;
  frameType?: number;
  hardwareId?: number;
  outgoing?: boolean;
  granularity?: number;
  /** Platform id and the two words of the sub-header behind it. */
  platform?: { id: number; word: number };
}

export function erspan3(payload: Bytes, fields: Erspan3Fields = {}): Uint8Array {
  const {
    timestamp = 0,
    protocolFrame = false,
    frameType = 0,
    hardwareId = 0,
    outgoing = false,
    granularity = 0,
    platform,
  } = fields;
  const last =
    (protocolFrame ? 0x8000 : 0) |
    (frameType << 10) |
    (hardwareId << 4) |
    (outgoing ? 8 : 0) |
    (granularity << 1) |
    (platform ? 1 : 0);
  return join(
    erspanWords(2, fields),
    be32(timestamp),
    [0, 0],
    be16(last),
    platform ? [platform.id << 2, 0, 0, 0, ...be32(platform.word)] : [],
    payload,
  );
}

export function vxlan(vni: number, payload: Bytes, flags = 0x08): Uint8Array {
  return join([flags, 0, 0, 0], be24(vni), [0], payload);
}

export function vxlanGpe(vni: number, next: number, payload: Bytes, flags = 0x0c): Uint8Array {
  return join([flags, 0, 0, next], be24(vni), [0], payload);
}

export function geneve(
  vni: number,
  protocol: number,
  payload: Bytes,
  options: Bytes = [],
  flags = 0,
): Uint8Array {
  return join([options.length / 4, flags], be16(protocol), be24(vni), [0], options, payload);
}

export function tzsp(payload: Bytes, tags: Bytes = [1], type = 0, protocol = 1): Uint8Array {
  return join([1, type], be16(protocol), tags, payload);
}
