// Transport headers with checksums computed in full, and the IP packets around them: what a host would send.

import { parseIp } from "./address.js";
import { type Bytes, be16, be32, join } from "./octets.js";
import * as make from "./packets.js";
import { onesComplementSum, put16 } from "./region.js";

export type Transport = "tcp" | "udp" | "udp-lite" | "dccp" | "icmpv6";

export const NUMBER: Record<Transport, number> = { tcp: 6, udp: 17, "udp-lite": 136, dccp: 33, icmpv6: 58 };
export const CHECKSUM_AT: Record<Transport, number> = { tcp: 16, udp: 6, "udp-lite": 6, dccp: 6, icmpv6: 2 };
const PORTS = [...be16(4000), ...be16(443)];

/** Without a checksum. */
function segment(transport: Transport, data: Bytes): Uint8Array {
  switch (transport) {
    case "tcp":
      return join(PORTS, be32(1), be32(2), [0x50, 0x18], be16(512), [0, 0, 0, 0], data);
    case "udp":
    case "udp-lite": // coverage: all of it
      return join(PORTS, be16(8 + data.length), [0, 0], data);
    case "dccp": // data offset 4 words, CsCov 0, type 2 (data), X; 48-bit sequence
      return join(PORTS, [4, 0, 0, 0, 0x05, 0, 0, 0, 0, 0, 0, 1], data);
    case "icmpv6": // echo request
      return join([128, 0, 0, 0], be16(7), be16(1), data);
  }
}

/** The segment as it is between these two hosts. */
export function sealed(transport: Transport, data: Bytes, source: string, destination: string): Uint8Array {
  return seal(transport, segment(transport, data), source, destination);
}

/** The same bytes with the checksum that is right between these two hosts; they have 0 there. */
export function seal(
  transport: Transport,
  unsealed: Uint8Array,
  source: string,
  destination: string,
): Uint8Array {
  const bytes = unsealed.slice();
  const pseudo = join(
    parseIp(source),
    parseIp(destination),
    be32(bytes.length),
    be32(NUMBER[transport]),
    bytes,
  );
  const checksum = onesComplementSum(pseudo, 0, pseudo.length) ^ 0xffff;
  const neverZero = transport === "udp" || transport === "udp-lite";
  put16(bytes, CHECKSUM_AT[transport], neverZero && checksum === 0 ? 0xffff : checksum);
  return bytes;
}

export function ipPacket(transport: Transport, data: Bytes, source: string, destination: string): Uint8Array {
  const payload = sealed(transport, data, source, destination);
  const wrap = source.includes(":") ? make.ipv6 : make.ipv4;
  return wrap(NUMBER[transport], payload, { source, destination });
}

export function frame(transport: Transport, data: Bytes, source: string, destination: string): Uint8Array {
  return make.ethernet(
    source.includes(":") ? 0x86dd : 0x0800,
    ipPacket(transport, data, source, destination),
  );
}
