// UDP, and the tunnels its destination port announces: VXLAN, VXLAN-GPE, GENEVE, TZSP, HP ERM, GRE-in-UDP.

import { readGre } from "./gre.js";
import { ETHERTYPE } from "./link.js";
import { declare, fits, type Region, skip, u8, u16, u24 } from "./region.js";
import type { Carried, Encapsulation, Notes, Tunnel, TunnelOptions, UdpTunnel } from "./tunnel.js";
import type { Verdict } from "./verdict.js";

export function tunnelOfPort(ports: Record<UdpTunnel, number[]>, port: number): UdpTunnel | undefined {
  for (const tunnel of Object.keys(ports) as UdpTunnel[]) if (ports[tunnel].includes(port)) return tunnel;
  return undefined;
}

export function readUdpTunnel(region: Region, options: TunnelOptions, notes: Notes): Tunnel | Verdict {
  if (!fits(region, 8)) return "truncated";
  const tunnel = tunnelOfPort(options.ports, u16(region.bytes, region.at + 2));
  if (tunnel === undefined) return "not-tunnel";
  const length = u16(region.bytes, region.at + 4);
  if (length > 0 && length < 8) return "truncated";
  const end = region.at + length;
  const payload = skip(length === 0 || end > region.declared ? region : declare(region, end), 8);
  switch (tunnel) {
    case "vxlan":
      return readVxlan(payload);
    case "vxlan-gpe":
      return readVxlanGpe(payload);
    case "geneve":
      return readGeneve(payload, options.lenient, notes);
    case "tzsp":
      return readTzsp(payload);
    case "hp-erm": // 8 unknown bytes, then priority, CFI, VLAN, tagged: 12 in all
      return fits(payload, 12) ? plain("hp-erm", ethernet(skip(payload, 12))) : "truncated";
    case "gre-udp":
      return readGre(payload, options, notes);
  }
}

function ethernet(region: Region): Carried {
  return { kind: "ethernet", region };
}

function plain(encapsulation: Encapsulation, carried: Carried): Tunnel {
  return { encapsulation, carried };
}

function withVni(encapsulation: Encapsulation, id: number, carried: Carried): Tunnel {
  return { encapsulation, idKind: "vni", id, carried };
}

// RFC 7348:  |R|R|R|R|I|R|R|R|  Reserved (24)  |  VNI (24)  | Reserved (8) |
function readVxlan(region: Region): Tunnel | Verdict {
  if (!fits(region, 8)) return "truncated";
  if ((u8(region.bytes, region.at) & 0x08) === 0) return "bad-flags";
  return withVni("vxlan", u24(region.bytes, region.at + 4), ethernet(skip(region, 8)));
}

// draft-ietf-nvo3-vxlan-gpe:  |R|R|Ver|I|P|B|O|  Reserved (16)  | Next Protocol (8) |  VNI (24)  | Reserved (8) |
function readVxlanGpe(region: Region): Tunnel | Verdict {
  if (!fits(region, 8)) return "truncated";
  const flags = u8(region.bytes, region.at);
  if ((flags & 0x30) !== 0) return "unsupported-version";
  if ((flags & 0x08) === 0) return "bad-flags";
  if ((flags & 0x01) !== 0) return "unsupported-payload";
  const protocol = (flags & 0x04) === 0 ? 3 : u8(region.bytes, region.at + 3);
  const kind = ({ 1: 4, 2: 6, 3: "ethernet" } as const)[protocol as 1 | 2 | 3];
  if (kind === undefined) return "unsupported-payload";
  return withVni("vxlan-gpe", u24(region.bytes, region.at + 4), { kind, region: skip(region, 8) });
}

// RFC 8926:  |Ver|  Opt Len  |O|C|  Rsvd  |  Protocol Type (16)  |  VNI (24)  | Reserved (8) |  options ...
// an option: |  Class (16)  |  Type (8), 0x80 critical  |R|R|R| Length (5), in 4 bytes |  data ...
function readGeneve(region: Region, lenient: boolean, notes: Notes): Tunnel | Verdict {
  const { bytes, at } = region;
  if (!fits(region, 8)) return "truncated";
  if (u8(bytes, at) >> 6 !== 0) return "unsupported-version";
  const optionsLength = (u8(bytes, at) & 0x3f) * 4;
  if (!fits(region, 8 + optionsLength)) return "truncated";
  if ((u8(bytes, at + 1) & 0x80) !== 0) return "unsupported-payload";
  const payload = skip(region, 8 + optionsLength);
  let critical = false;
  let option = at + 8;
  while (option < payload.at) {
    const next = option + 4 + (u8(bytes, option + 3) & 0x1f) * 4;
    if (next > payload.at) return "truncated"; // a length, so before any critical option
    if ((u8(bytes, option + 2) & 0x80) !== 0) critical = true;
    option = next;
  }
  if (critical && !lenient) return "critical-option";
  if (critical) notes.criticalOptions++; // the packet, however many such options it has
  const protocol = u16(bytes, at + 2);
  const kind =
    protocol === 0x6558
      ? "ethernet"
      : protocol === ETHERTYPE.IPV4
        ? 4
        : protocol === ETHERTYPE.IPV6
          ? 6
          : undefined;
  if (kind === undefined) return "unsupported-payload";
  return withVni("geneve", u24(bytes, at + 4), { kind, region: payload });
}

// TaZmen Sniffer Protocol:  |  Version  |  Type  |  Protocol (16)  |  tags: number, and but for 0 and 1 length, data
function readTzsp(region: Region): Tunnel | Verdict {
  const { bytes, at } = region;
  if (!fits(region, 4)) return "truncated";
  if (u8(bytes, at) !== 1) return "unsupported-version";
  if (u8(bytes, at + 1) > 1) return "unsupported-payload";
  if (u16(bytes, at + 2) !== 1) return "unsupported-payload";
  let tag = skip(region, 4);
  for (;;) {
    if (!fits(tag, 1)) return "truncated";
    const number = u8(bytes, tag.at);
    if (number === 1) return plain("tzsp", ethernet(skip(tag, 1)));
    if (number === 0) {
      tag = skip(tag, 1);
    } else {
      if (!fits(tag, 2)) return "truncated";
      tag = skip(tag, 2 + u8(bytes, tag.at + 1));
    }
  }
}
