// The bytes of capture files around the packets, and of packets that the engine does not encode: little endian, nanoseconds.
// Sources: draft-ietf-opsawg-pcapng, draft-ietf-opsawg-pcap.
import { HEADER_LENGTH, MAGIC_NANOSECONDS, RECORD_HEADER_LENGTH } from "./pcap.js";
import { BYTE_ORDER_MAGIC, ENHANCED, FRAME, INTERFACE, SECTION } from "./pcapng.js";

const SECTION_APPLICATION = 4;
const INTERFACE_NAME = 2;
const INTERFACE_RESOLUTION = 9;
const PACKET_FLAGS = 2;
const NANOSECONDS = 9;
const UNKNOWN_LENGTH = 0xffffffff;
const END_OF_OPTIONS = new Uint8Array(4);
const NANOSECONDS_PER_SECOND = 1_000_000_000n;
/** Values of the flags word's direction (draft-ietf-opsawg-pcapng 4.3.1). */
const DIRECTIONS = { in: 1, out: 2 };

/** What a packet block or record says beside the bytes. */
export interface PacketHeader {
  readonly originalLength: number;
  /** Nanoseconds since 1970. */
  readonly timestamp: bigint;
  readonly direction?: "in" | "out" | undefined;
}

/** Section header block of a pcapng file that `application` writes. */
export function sectionHeader(application: string): Uint8Array {
  const body = new Uint8Array(16);
  const view = new DataView(body.buffer);
  view.setUint32(0, BYTE_ORDER_MAGIC, true);
  view.setUint16(4, 1, true); // version 1.0
  view.setUint32(8, UNKNOWN_LENGTH, true);
  view.setUint32(12, UNKNOWN_LENGTH, true);
  return block(SECTION, [body, option(SECTION_APPLICATION, textBytes(application)), END_OF_OPTIONS]);
}

/** Interface description block. @param snaplen 0: no limit */
export function interfaceDescription(name: string, linkType: number, snaplen: number): Uint8Array {
  const body = new Uint8Array(8);
  const view = new DataView(body.buffer);
  view.setUint16(0, linkType, true);
  view.setUint32(4, snaplen, true);
  const resolution = option(INTERFACE_RESOLUTION, Uint8Array.of(NANOSECONDS));
  const options = name === "" ? [resolution] : [option(INTERFACE_NAME, textBytes(name)), resolution];
  return block(INTERFACE, [body, ...options, END_OF_OPTIONS]);
}

/** Bytes of an enhanced packet block. */
export function packetBlockLength(captured: number, { direction }: PacketHeader): number {
  return FRAME + padded(captured) + (direction === undefined ? 0 : 12) + 4;
}

/** Writes an enhanced packet block into `to`, which is zeros, at `at`. Gives its length. */
export function putPacketBlock(
  to: DataView,
  at: number,
  id: number,
  data: Uint8Array,
  packet: PacketHeader,
): number {
  const length = packetBlockLength(data.length, packet);
  const time = BigInt.asUintN(64, packet.timestamp);
  to.setUint32(at, ENHANCED, true);
  to.setUint32(at + 4, length, true);
  to.setUint32(at + 8, id, true);
  to.setUint32(at + 12, Number(time >> 32n), true);
  to.setUint32(at + 16, Number(time & 0xffff_ffffn), true);
  to.setUint32(at + 20, data.length, true);
  to.setUint32(at + 24, packet.originalLength, true);
  new Uint8Array(to.buffer, to.byteOffset + at + FRAME).set(data);
  if (packet.direction !== undefined) {
    const options = at + FRAME + padded(data.length);
    to.setUint16(options, PACKET_FLAGS, true);
    to.setUint16(options + 2, 4, true);
    to.setUint32(options + 4, DIRECTIONS[packet.direction], true);
  }
  to.setUint32(at + length - 4, length, true);
  return length;
}

/** Header of a classic pcap file. @param snaplen longest packet in bytes */
export function pcapHeader(linkType: number, snaplen: number): Uint8Array {
  const header = new Uint8Array(HEADER_LENGTH);
  const view = new DataView(header.buffer);
  view.setUint32(0, MAGIC_NANOSECONDS, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, snaplen, true);
  view.setUint32(20, linkType, true);
  return header;
}

/** Writes a record of a classic pcap file into `to` at `at`. Gives its length. */
export function putRecord(to: DataView, at: number, data: Uint8Array, packet: PacketHeader): number {
  const time = BigInt.asUintN(64, packet.timestamp);
  to.setUint32(at, Number(time / NANOSECONDS_PER_SECOND), true);
  to.setUint32(at + 4, Number(time % NANOSECONDS_PER_SECOND), true);
  to.setUint32(at + 8, data.length, true);
  to.setUint32(at + 12, packet.originalLength, true);
  new Uint8Array(to.buffer, to.byteOffset + at + RECORD_HEADER_LENGTH).set(data);
  return RECORD_HEADER_LENGTH + data.length;
}

function padded(length: number): number {
  return (length + 3) & ~3;
}

function textBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function option(code: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + padded(value.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, code, true);
  view.setUint16(2, value.length, true);
  bytes.set(value, 4);
  return bytes;
}

function block(type: number, parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 12);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, length, true);
  let at = 8;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  view.setUint32(at, length, true);
  return bytes;
}
