// The packets that the reasons are asked of: a mirrored frame and the tunnels around it.

import * as make from "../reference/packets.js";

export const ARP = make.ethernet(0x0806, new Uint8Array(28));
export const inner = make.ethernet(
  0x0800,
  make.ipv4(17, make.udp(9, [1, 2, 3]), { source: "10.1.0.5", destination: "10.1.0.6" }),
);
export const overIpv4 = (protocol: number, payload: Uint8Array, fields: make.Ipv4Fields = {}) =>
  make.ethernet(0x0800, make.ipv4(protocol, payload, fields));
export const overGre = (payload: Uint8Array) => overIpv4(47, payload);
export const overUdp = (port: number, payload: Uint8Array) => overIpv4(17, make.udp(port, payload));
export const erspan3 = make.gre(0x22eb, make.erspan3(inner, { session: 5, platform: { id: 3, word: 1 } }));
export const erspan2 = (session: number, frame = inner) =>
  make.gre(0x88be, make.erspan2(frame, { session }), { sequence: 1 });
