// The frames of a tenant's machines. Each carries its tenant's number, its machine's and a counter, so that a frame that turns up
// with somebody else is recognised wherever it does.

import { parseIp, parseMac } from "../reference/address.js";
import { be16, be32, join } from "../reference/octets.js";
import { padded } from "../reference/outer-packet.js";
import * as make from "../reference/packets.js";
import { NUMBER, sealed, type Transport } from "../reference/transport-packets.js";

export interface FrameNumber {
  readonly tenant: number;
  /** 0 or 1. */
  readonly machine: number;
  readonly counter: number;
  /** A switch that takes several frames at once may sort them by flow: only within a kind does their order count. */
  readonly kind: Kind;
}

export interface Addresses {
  readonly mac: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

/** What a frame is about: its sender and where it goes. */
export interface Passage {
  readonly from: Addresses;
  readonly to: Addresses;
  /** Bytes without the frame check sequence, where the kind leaves a choice. */
  readonly length: number;
}

/** Occurs in no header. With the numbers it fits into the padding of an ARP frame. */
const MAGIC = Buffer.from("\x8fSpanG\xa7", "latin1");
const STAMP = MAGIC.length + 4 + 1 + 4 + 1;

function stamp({ tenant, machine, counter, kind }: FrameNumber): Uint8Array {
  return join(MAGIC, be32(tenant), [machine], be32(counter), [KIND_NAMES.indexOf(kind)]);
}

/** Whose frame it is, and which; wherever in the frame it says so. */
export function numberOf(frame: Uint8Array): FrameNumber | undefined {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
  const at = bytes.indexOf(MAGIC);
  if (at < 0 || at + STAMP > bytes.length) return undefined;
  const fields = bytes.subarray(at + MAGIC.length);
  const kind = KIND_NAMES[fields[9]!];
  if (kind === undefined) return undefined;
  return { tenant: fields.readUInt32BE(0), machine: fields[4]!, counter: fields.readUInt32BE(5), kind };
}

/** The stamp and, up to a length, bytes that differ from frame to frame. */
function payload(number: FrameNumber, length: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(STAMP, length));
  for (let i = 0; i < bytes.length; i++) bytes[i] = number.tenant * 31 + number.counter * 7 + i;
  bytes.set(stamp(number));
  return bytes;
}

type Build = (number: FrameNumber, passage: Passage) => Uint8Array;

const onEthernet = (etherType: number, packet: Uint8Array, { from, to }: Passage, broadcast = false) =>
  make.ethernet(etherType, packet, parseMac(from.mac), broadcast ? BROADCAST : parseMac(to.mac));
const BROADCAST = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

function overIpv4(transport: Transport, headers: number): Build {
  return (number, passage) => {
    const [source, destination] = [passage.from.ipv4, passage.to.ipv4];
    const segment = sealed(transport, payload(number, passage.length - headers), source, destination);
    const id = number.counter & 0xffff;
    return onEthernet(0x0800, make.ipv4(NUMBER[transport], segment, { source, destination, id }), passage);
  };
}

function overIpv6(transport: Transport, headers: number): Build {
  return (number, passage) => {
    const [source, destination] = [passage.from.ipv6, passage.to.ipv6];
    const segment = sealed(transport, payload(number, passage.length - headers), source, destination);
    return onEthernet(0x86dd, make.ipv6(NUMBER[transport], segment, { source, destination }), passage);
  };
}

/** RFC 826; the stamp is in the padding. */
function arp(operation: 1 | 2): Build {
  return (number, passage) => {
    const { from, to } = passage;
    const asked = operation === 1 ? [0, 0, 0, 0, 0, 0] : parseMac(to.mac);
    const senderAndTarget = join(parseMac(from.mac), parseIp(from.ipv4), asked, parseIp(to.ipv4));
    const packet = join(be16(1), be16(0x0800), [6, 4], be16(operation), senderAndTarget, stamp(number));
    return onEthernet(0x0806, packet, passage, operation === 1);
  };
}

/** IEEE 802.1Q, VLAN 30, priority 5, with what another kind has behind its addresses. */
function tagged(build: Build): Build {
  return (number, passage) => {
    const frame = build(number, { ...passage, length: passage.length - 4 });
    return join(frame.subarray(0, 12), be16(0x8100), be16((5 << 13) | 30), frame.subarray(12));
  };
}

const udp4 = overIpv4("udp", 42);
const KINDS = {
  udp: udp4,
  tcp: overIpv4("tcp", 54),
  "udp-ipv6": overIpv6("udp", 62),
  "icmpv6-echo": overIpv6("icmpv6", 62),
  "arp-request": arp(1),
  "arp-reply": arp(2),
  vlan: tagged(udp4),
} satisfies Record<string, Build>;
export type Kind = keyof typeof KINDS;
export const KIND_NAMES = Object.keys(KINDS) as Kind[];

/** A frame as the machine sends it. */
export function tenantFrame(number: FrameNumber, passage: Passage): Uint8Array {
  return padded(KINDS[number.kind](number, passage));
}
