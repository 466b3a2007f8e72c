// Frames of many tenants and flows. One frame of each kind is put together header by header; the others are copies of it with
// other numbers in the right places and checksums that hold.

import { checksum, join } from "../test/reference/packets.js";
import type { ArrivingFrame } from "./race.js";
import { innerFrame, randomNumbers, type Workload } from "./workloads.js";

const ETHERNET = 14;
const TAG = 4;
const IPV4 = 20;
const IPV6 = 40;
const UDP = 8;
const GRE = 47;

/** How a tunnel says whose packet it is. Without `width` it has no id, and only its source tells. */
export interface IdField {
  readonly at: number;
  /** Bytes; of two only the lower 10 bits (an ERSPAN session). */
  readonly width: 2 | 3 | 4;
}

/** A frame to make others of. */
export interface Mould {
  readonly encapsulation: "erspan" | "gre" | "vxlan" | "vxlan-gpe" | "geneve" | "tzsp";
  readonly frame: Uint8Array;
  readonly family: 4 | 6;
  /** Where the outer IP header stands. */
  readonly ip: number;
  readonly id?: IdField;
  readonly sequence?: number;
  /** Where the inner frame begins, or would if it had an Ethernet header. */
  readonly inner: number;
}

/** Moulds of a workload: one, or one for each of its kinds. */
export function mouldsOf(workload: Workload, innerBytes: number): Mould[] {
  const inner = withUdpChecksum(innerFrame(innerBytes));
  const moulds: Mould[] = [];
  for (let session = 0; session < KINDS_AT_MOST; session++) {
    const { frame, sequence } = workload.template(session, inner);
    const mould = {
      ...locate(frame),
      ...(sequence === undefined ? {} : { sequence }),
      frame,
      inner: frame.length - innerBytes,
    };
    const isNew = moulds.every(
      (other) => other.encapsulation !== mould.encapsulation || other.inner !== mould.inner,
    );
    if (isNew) moulds.push(mould);
  }
  return moulds;
}

const KINDS_AT_MOST = 3;

/** Finds out what a frame is. */
function locate(frame: Uint8Array): Pick<Mould, "encapsulation" | "family" | "ip" | "id"> {
  const ip = ETHERNET + (word(frame, 12) === 0x8100 ? TAG : 0);
  const family = frame[ip]! >> 4 === 6 ? 6 : 4;
  const protocol = frame[ip + (family === 4 ? 9 : 6)];
  const payload = ip + (family === 4 ? IPV4 : IPV6);
  const place = { family, ip } as const;
  if (protocol === GRE) return { ...place, ...locateGre(frame, payload) };
  switch (word(frame, payload + 2)) {
    case 4789:
      return { ...place, encapsulation: "vxlan", id: { at: payload + UDP + 4, width: 3 } };
    case 4790:
      return { ...place, encapsulation: "vxlan-gpe", id: { at: payload + UDP + 4, width: 3 } };
    case 6081:
      return { ...place, encapsulation: "geneve", id: { at: payload + UDP + 4, width: 3 } };
    default:
      return { ...place, encapsulation: "tzsp" };
  }
}

function locateGre(frame: Uint8Array, gre: number): Pick<Mould, "encapsulation" | "id"> {
  const flags = frame[gre]!;
  const protocol = word(frame, gre + 2);
  if (protocol === 0x88be || protocol === 0x22eb) {
    return (flags & 0x10) === 0
      ? { encapsulation: "erspan" }
      : { encapsulation: "erspan", id: { at: gre + 8 + 2, width: 2 } };
  }
  return (flags & 0x20) === 0
    ? { encapsulation: "gre" }
    : { encapsulation: "gre", id: { at: gre + 4, width: 4 } };
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

function put(bytes: Uint8Array, at: number, width: number, value: number): void {
  for (let i = 0; i < width; i++) bytes[at + i] = value >>> (8 * (width - 1 - i));
}

const SESSIONS = 1024;
const SOURCES_TOGETHER = 4;

/** Tunnel identity number `identity`: a number of the source, and an id where there is one. */
export function identityOf({ id }: Mould, identity: number): { source: number; id?: number } {
  if (id === undefined) return { source: identity };
  const source = identity % SOURCES_TOGETHER;
  const rest = Math.floor(identity / SOURCES_TOGETHER);
  // An odd factor: ids are not in order, as identifiers that come and go are not.
  if (id.width > 2) return { source, id: Math.imul(identity, 0x9e3779) & 0xffffff };
  return { source: source + SOURCES_TOGETHER * Math.floor(rest / SESSIONS), id: rest % SESSIONS };
}

/** Address of source number `source`, in 10.80.0.0/12 or 2001:db8::/32. */
export function sourceAddress(family: 4 | 6, source: number): Uint8Array {
  const bytes =
    family === 4 ? Uint8Array.of(10, 80, 0, 0) : Uint8Array.of(0x20, 1, 0xd, 0xb8, ...new Uint8Array(12));
  const number = source + 1;
  if (family === 6) put(bytes, 12, 4, number);
  else put(bytes, 0, 4, ((10 << 24) | (80 << 16)) + number);
  return bytes;
}

/** A flow in the tunnel of an identity. */
export interface Flow {
  readonly mould: Mould;
  readonly identity: number;
  /** Which one of all flows. */
  readonly number: number;
}

/**
 * `count` frames, each of a flow at random, the sequence numbers of each session rising. A frame that comes again has as much
 * more in its number as its session has frames.
 */
export function framesOf(flows: readonly Flow[], count: number): ArrivingFrame[] {
  const random = randomNumbers();
  const chosen = Uint32Array.from({ length: count }, () => Math.floor((random() / 2 ** 32) * flows.length));
  const framesOfSession = new Map<number, number>();
  const sequences = Array.from(chosen, (f) => {
    const { identity } = flows[f]!;
    const number = framesOfSession.get(identity) ?? 0;
    framesOfSession.set(identity, number + 1);
    return number;
  });
  return Array.from(chosen, (f, i) => {
    const flow = flows[f]!;
    const bytes = frameOf(flow);
    const { sequence: at } = flow.mould;
    if (at === undefined) return { bytes };
    return { bytes, sequence: { at, first: sequences[i]!, step: framesOfSession.get(flow.identity)! } };
  });
}

function frameOf({ mould, identity, number }: Flow): Uint8Array {
  const frame = mould.frame.slice();
  const { source, id } = identityOf(mould, identity);
  frame.set(sourceAddress(mould.family, source), mould.ip + (mould.family === 4 ? 12 : 8));
  if (mould.family === 4) putChecksum(frame, mould.ip + 10, mould.ip, IPV4);
  if (mould.id !== undefined) {
    // An ERSPAN session shares its word with COS, En and T, which are 0 in every mould.
    put(frame, mould.id.at, mould.id.width, id!);
  }
  const ip = mould.inner + ETHERNET;
  put(frame, ip + 14, 2, 1 + (number & 0x7fff)); // 10.1.x.y
  put(frame, ip + IPV4, 2, 1024 + ((identity * 7 + number) % 60_000)); // source port
  putChecksum(frame, ip + 10, ip, IPV4);
  putUdpChecksum(frame, ip);
  return frame;
}

function putChecksum(frame: Uint8Array, field: number, start: number, length: number): void {
  put(frame, field, 2, 0);
  put(frame, field, 2, checksum(frame, start, start + length));
}

/** The UDP checksum of the last packet in the frame, whose IPv4 header stands at `ip`. */
function putUdpChecksum(frame: Uint8Array, ip: number): void {
  const header = ip + IPV4;
  const length = frame.length - header;
  put(frame, header + 6, 2, 0);
  let sum = 17 + length;
  for (let i = ip + 12; i < header; i += 2) sum += word(frame, i);
  for (let i = header; i + 1 < frame.length; i += 2) sum += word(frame, i);
  if (length % 2 === 1) sum += frame[frame.length - 1]! << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  put(frame, header + 6, 2, sum === 0xffff ? 0xffff : ~sum);
}

function withUdpChecksum(inner: Uint8Array): Uint8Array {
  const frame = join(inner);
  putUdpChecksum(frame, ETHERNET);
  return frame;
}
