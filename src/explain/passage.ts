// How far the parser came in one packet: the headers it passed, as the trace names them, with addresses turned into offsets
// in the frame as it came or in the datagram put together from fragments.

import * as at from "../../assembly/memory/layout.js";
import { type Engine, Header } from "../engine/index.js";
import { u16 } from "./network-order.js";
import { GRE, IPV4, IPV6, isExtension, isTag, UDP } from "./numbers.js";

/** A header that the parser passed. */
export interface Passed {
  readonly header: Header;
  /** Offset in `bytes`. */
  readonly at: number;
  readonly length: number;
  /** The frame as it came, or the reassembled datagram. */
  readonly bytes: Uint8Array;
  readonly datagram: boolean;
}

/** The way of one packet through the parser. */
export interface Passage {
  readonly headers: readonly Passed[];
  readonly linkType: number;
  /** Bytes of the frame, or of the datagram where that was reached. */
  readonly bytes: Uint8Array;
  /** Offset after the last byte of the present layer: captured, and declared by the headers before it. */
  readonly end: number;
  /** Offset after the last byte that the headers declare, which may not have been captured. */
  readonly declared: number;
}

/** Gives the datagram at `address` of linear memory, which the fragment `last` completed. */
export type ReadDatagram = (last: Passed, address: number, length: number) => Uint8Array;

/** Reads the engine's trace of the only packet in its batch. `frame` is a copy made before it was processed. */
export function readPassage(engine: Engine, frame: Uint8Array, readDatagram: ReadDatagram): Passage {
  const { batch } = engine;
  let bytes = frame;
  let base = batch.word(0, at.FRAME);
  let isDatagram = false;
  const headers: Passed[] = [];
  for (const { header, address, length } of engine.trace()) {
    if (header === Header.Datagram) {
      bytes = readDatagram(headers.at(-1)!, address, length);
      base = address;
      isDatagram = true;
    }
    headers.push({ header, at: address - base, length, bytes, datagram: isDatagram });
  }
  dropProbes(headers);
  const declared = batch.word(0, at.DECLARED) + batch.word(0, at.DECLARED + 4) * 0x1_0000_0000;
  return {
    headers,
    linkType: batch.word(0, at.LINK_TYPE),
    bytes,
    end: batch.word(0, at.END) - base,
    declared: declared - base,
  };
}

/** With a depth over 1 the parser looks into the inner frame for a further tunnel; what it saw there is the frame's own. */
function dropProbes(headers: Passed[]): void {
  const inner = headers.at(-1);
  if (inner?.header !== Header.InnerFrame) return;
  const first = headers.findIndex(
    (header) =>
      header.at >= inner.at && header.datagram === inner.datagram && header.header !== Header.Datagram,
  );
  headers.splice(first, headers.length - 1 - first);
}

/** Where the next header begins, and which it was to be; no header when what follows is none that leads to a tunnel. */
export interface Following {
  readonly header: Header | undefined;
  readonly at: number;
}

/** What had to follow the last header that was passed. `portOf` tells which header a UDP port stands for. */
export function following(passage: Passage, portOf: (port: number) => Header | undefined): Following {
  const last = passage.headers.at(-1);
  if (last === undefined) return { header: firstHeader(passage), at: 0 };
  const next = last.header === Header.Datagram ? 0 : last.at + last.length;
  return { header: headerAfter(passage, last, portOf), at: next };
}

function firstHeader({ linkType, bytes }: Passage): Header | undefined {
  switch (linkType) {
    case 1:
      return Header.Ethernet;
    case 113:
      return Header.Sll;
    case 276:
      return Header.Sll2;
    case 228:
      return Header.Ipv4;
    case 229:
      return Header.Ipv6;
    case 12:
    case 14:
    case 101:
      return bytes.length > 0 && bytes[0]! >> 4 === 6 ? Header.Ipv6 : Header.Ipv4;
    default:
      return undefined;
  }
}

function headerAfter(
  passage: Passage,
  last: Passed,
  portOf: (port: number) => Header | undefined,
): Header | undefined {
  const { bytes: b, at: p } = last;
  switch (last.header) {
    case Header.Ethernet:
    case Header.Vlan:
    case Header.Sll:
    case Header.Sll2:
      return network(etherTypeOf(last), passage);
    case Header.Ipv4:
    case Header.Ipv6:
    case Header.HopByHop:
    case Header.Routing:
    case Header.DestinationOptions:
    case Header.Fragment:
    case Header.Datagram:
      return carrier(protocolOf(passage.headers));
    case Header.Udp:
      return portOf(u16(b, p + 2));
    case Header.Gre:
      return behindGre(u16(b, p), u16(b, p + 2));
    case Header.Erspan3:
      return (b[p + 11]! & 1) !== 0 ? Header.ErspanPlatform : Header.InnerFrame;
    default:
      return Header.InnerFrame;
  }
}

/** EtherType that a link header or VLAN tag gives. */
export function etherTypeOf({ header, bytes, at }: Passed): number {
  if (header === Header.Sll2) return u16(bytes, at);
  return u16(bytes, at + (header === Header.Ethernet ? 12 : header === Header.Sll ? 14 : 2));
}

function network(etherType: number, { headers }: Passage): Header | undefined {
  if (etherType === IPV4) return Header.Ipv4;
  if (etherType === IPV6) return Header.Ipv6;
  const tags = headers.filter(({ header }) => header === Header.Vlan).length;
  return isTag(etherType) && tags < 2 ? Header.Vlan : undefined;
}

/** IP protocol that the last IP header or extension header gives; of a datagram that of its fragments. */
export function protocolOf(headers: readonly Passed[]): number {
  const last = headers.at(-1)?.header === Header.Datagram ? headers.at(-2) : headers.at(-1);
  if (last === undefined) return -1;
  const offset = last.header === Header.Ipv4 ? 9 : last.header === Header.Ipv6 ? 6 : 0;
  return last.bytes[last.at + offset]!;
}

function carrier(protocol: number): Header | undefined {
  if (protocol === GRE) return Header.Gre;
  if (protocol === UDP) return Header.Udp;
  if (protocol === 44) return Header.Fragment;
  if (!isExtension(protocol)) return undefined;
  return protocol === 0 ? Header.HopByHop : protocol === 43 ? Header.Routing : Header.DestinationOptions;
}

function behindGre(flags: number, protocol: number): Header {
  if (protocol === 0x88be) return (flags & 0x1000) !== 0 ? Header.Erspan2 : Header.InnerFrame;
  return protocol === 0x22eb ? Header.Erspan3 : Header.InnerFrame;
}
