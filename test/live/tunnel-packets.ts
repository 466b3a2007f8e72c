// Tunnel packets made here, for what no real source sends on demand: fragments, tags, any session. Sent with a raw port.

import { parseIp, parseMac } from "../reference/address.js";
import { be16, join } from "../reference/octets.js";
import { fragmentedPacket, onEthernet, padded, wholePacket } from "../reference/outer-packet.js";
import * as make from "../reference/packets.js";
import { setUdpChecksum } from "../reference/tunnel-headers.js";
import type { Way } from "./sources.js";

/** Between which machines a tunnel's packets pass. */
export interface Underlay {
  readonly from: string;
  readonly to: string;
  readonly fromMac: string;
  /** The next hop's. */
  readonly toMac: string;
  /** Longest outer IP packet; longer ones are cut into fragments. Without it none is. */
  readonly mtu?: number;
  /** Outer tags' TPID and TCI, the outermost first. */
  readonly tags?: readonly (readonly [tpid: number, tci: number])[];
}

const PROTOCOL = { udp: 17, gre: 47 };
const PORT = { vxlan: 4789, geneve: 6081 };

/** The frames that carry `inner`: several when it is cut into fragments. `sequence` is also the number of the outer packet. */
export function tunnelFrames(
  way: Way,
  id: number,
  inner: Uint8Array,
  sequence: number,
  underlay: Underlay,
): Uint8Array[] {
  const [source, destination] = [parseIp(underlay.from), parseIp(underlay.to)];
  const protocol = way === "vxlan" || way === "geneve" ? PROTOCOL.udp : PROTOCOL.gre;
  const ip = { source, destination, protocol, flowLabel: 0 };
  const payload = tunnelPayload(way, id, inner, sequence);
  // Over IPv6 the kernel takes no datagram without (RFC 8200 8.1), and says nothing.
  if (protocol === PROTOCOL.udp && destination.length === 16) setUdpChecksum(payload, source, destination);
  const packets =
    underlay.mtu === undefined
      ? [wholePacket(ip, payload)]
      : fragmentedPacket(ip, payload, sequence & 0xffff, underlay.mtu);
  const [to, from] = [parseMac(underlay.toMac), parseMac(underlay.fromMac)];
  const tags = (underlay.tags ?? []).flatMap(([tpid, tci]) => [...be16(tpid), ...be16(tci)]);
  return packets.map((packet) => {
    const frame = onEthernet(to, from, packet);
    return padded(join(frame.subarray(0, 12), tags, frame.subarray(12)));
  });
}

function tunnelPayload(way: Way, id: number, inner: Uint8Array, sequence: number): Uint8Array {
  switch (way) {
    case "erspan2":
      return make.gre(0x88be, make.erspan2(inner, { session: id }), { sequence });
    case "erspan3":
      return make.gre(0x22eb, make.erspan3(inner, { session: id, granularity: 2 }), { sequence });
    case "gre":
      return make.gre(0x6558, inner, { key: id });
    case "vxlan":
      return make.udp(PORT.vxlan, make.vxlan(id, inner));
    case "geneve":
      return make.udp(PORT.geneve, make.geneve(id, 0x6558, inner));
  }
}
