// The headers that delivery put in front of a frame, read from what was sent with the tables that headers taken off are read
// with.

import { Header } from "../engine/index.js";
import { fieldsOf, HEADER_NAMES } from "./fields.js";
import type { HeaderRecord } from "./inner.js";
import { u16 } from "./network-order.js";
import { GRE, IPV6, isTag, UDP } from "./numbers.js";

const FRAGMENT = 44;

/** What stands in front in one frame, and what is behind it. Offsets in bytes. */
export interface Front {
  readonly headers: readonly HeaderRecord[];
  /** Where the mirrored frame begins; in an IP fragment after the first, the data. */
  readonly from: number;
  /** Where the IP packet ends: behind it is padding. */
  readonly end: number;
  /** Where the data of IP begins: what fragments are pieces of. */
  readonly data: number;
  /** Of a fragment: where that belongs in the packet. */
  readonly fragmentOffset: number | undefined;
}

/** @param overUdp what the sniffer's UDP port carries */
export function frontOf(b: Uint8Array, overUdp: Header): Front {
  const headers: HeaderRecord[] = [];
  let at = 0;
  const pass = (header: Header, length: number) => {
    headers.push({ name: HEADER_NAMES[header], offset: at, length, fields: fieldsOf(header, b, at, length) });
    at += length;
    return at - length;
  };
  let type = u16(b, pass(Header.Ethernet, 14) + 12);
  if (isTag(type)) type = u16(b, pass(Header.Vlan, 4) + 2);
  const ip = at;
  let protocol: number;
  let end: number;
  let fragment: number | undefined;
  if (type === IPV6) {
    protocol = b[pass(Header.Ipv6, 40) + 6]!;
    end = at + u16(b, ip + 4);
    if (protocol === FRAGMENT) {
      const p = pass(Header.Fragment, 8);
      protocol = b[p]!;
      fragment = u16(b, p + 2) & 0xfff8;
    }
  } else {
    protocol = b[pass(Header.Ipv4, (b[ip]! & 15) * 4) + 9]!;
    end = ip + u16(b, ip + 2);
    const bits = u16(b, ip + 6);
    if ((bits & 0x3fff) !== 0) fragment = (bits & 0x1fff) * 8;
  }
  const data = at;
  if (fragment === undefined || fragment === 0) {
    if (protocol === UDP) {
      pass(Header.Udp, 8);
      pass(overUdp, 8);
    } else if (protocol === GRE) {
      passGre(b, at, pass);
    }
  }
  return { headers, from: at, end, data, fragmentOffset: fragment };
}

function passGre(b: Uint8Array, gre: number, pass: (header: Header, length: number) => number): void {
  const flags = u16(b, gre);
  const protocol = u16(b, gre + 2);
  pass(Header.Gre, 4 + ((flags & 0x2000) !== 0 ? 4 : 0) + ((flags & 0x1000) !== 0 ? 4 : 0));
  if (protocol === 0x88be) pass(Header.Erspan2, 8);
  if (protocol === 0x22eb) pass(Header.Erspan3, 12);
}
