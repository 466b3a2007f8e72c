// The tunnels to sniffers: what stands between the outer IP header and the frame.

import { be16, be24, be32, join } from "./octets.js";
import { onesComplementSum, put16, u16 } from "./region.js";
import type { DeliveryMode, ReferenceSniffer } from "./sniffer.js";

export type TunnelMode = Exclude<DeliveryMode, "mac" | "ip" | "tap" | "pcap">;

/** A frame to be sent, and what its headers must tell of it. */
export interface Mirrored {
  /** After snaplen; what `fit: truncate` takes off is still there. */
  frame: Uint8Array;
  /** Of the whole captured frame. */
  hash: number;
  originalLength: number;
  /** Came with T. */
  truncated: boolean;
  direction: "in" | "out" | undefined;
  hardwareId: number | undefined;
  time: bigint;
}

const PROTOCOL = { UDP: 17, GRE: 47 };
const GRE = { ETHERNET: 0x6558, ERSPAN_II: 0x88be, ERSPAN_III: 0x22eb, KEY: 0x2000, SEQUENCE: 0x1000 };
const TAGS = [0x8100, 0x88a8, 0x9100];

export function isUdp(mode: TunnelMode): boolean {
  return mode === "vxlan" || mode === "geneve";
}

export function protocolOf(mode: TunnelMode): number {
  return isUdp(mode) ? PROTOCOL.UDP : PROTOCOL.GRE;
}

export function countsPackets(mode: TunnelMode): boolean {
  return mode === "erspan2" || mode === "erspan3";
}

/** Bytes between the outer IP header and the frame. */
export function headersLength(mode: TunnelMode, key: number | undefined): number {
  switch (mode) {
    case "vxlan":
    case "geneve":
      return 8 + 8;
    case "gre":
      return key === undefined ? 4 : 8;
    case "erspan2":
      return 8 + 8;
    case "erspan3":
      return 8 + 12;
  }
}

/** The outer IP packet's payload: headers and `sent`, the beginning of the frame or all of it. */
export function encapsulated(
  mode: TunnelMode,
  sniffer: ReferenceSniffer,
  mirrored: Mirrored,
  sent: Uint8Array,
  sequence: number,
): Uint8Array {
  const vni = be24(sniffer.vni ?? 0);
  switch (mode) {
    case "vxlan": // RFC 7348: I, VNI
      return udp(sniffer.port ?? 4789, mirrored.hash, join([0x08, 0, 0, 0], vni, [0], sent));
    case "geneve": // RFC 8926: version 0, no options, neither O nor C
      return udp(sniffer.port ?? 6081, mirrored.hash, join([0, 0], be16(GRE.ETHERNET), vni, [0], sent));
    case "gre": {
      const { key } = sniffer;
      const flags = key === undefined ? 0 : GRE.KEY;
      return join(be16(flags), be16(GRE.ETHERNET), key === undefined ? [] : be32(key), sent);
    }
    case "erspan2":
      return join(counted(GRE.ERSPAN_II, sequence), erspan2(sniffer, mirrored, sent), sent);
    case "erspan3":
      return join(counted(GRE.ERSPAN_III, sequence), erspan3(sniffer, mirrored, sent), sent);
  }
}

/** Without its checksum. */
function udp(port: number, hash: number, payload: Uint8Array): Uint8Array {
  return join(be16(49152 + (hash & 0x3fff)), be16(port), be16(8 + payload.length), [0, 0], payload);
}

/** RFC 768, RFC 8200 8.1. Over all of it, before it is cut into fragments. */
export function setUdpChecksum(udp: Uint8Array, source: Uint8Array, destination: Uint8Array): void {
  const pseudo = join(source, destination, be32(udp.length), be32(PROTOCOL.UDP), udp);
  put16(udp, 6, onesComplementSum(pseudo, 0, pseudo.length) ^ 0xffff || 0xffff);
}

/** RFC 2890: GRE with S. */
function counted(protocol: number, sequence: number): Uint8Array {
  return join(be16(GRE.SEQUENCE), be16(protocol), be32(sequence));
}

/** The first tag's VLAN and COS, which both types carry. */
function tagOf(frame: Uint8Array): { vlan: number; cos: number } | undefined {
  if (frame.length < 18 || !TAGS.includes(u16(frame, 12))) return undefined;
  const tci = u16(frame, 14);
  return { vlan: tci & 0xfff, cos: tci >> 13 };
}

/** draft-foschiano-erspan-03 4.2 and 4.3: version, VLAN, COS, En or BSO, T, session. */
function erspanWords(
  version: number,
  en: number,
  sniffer: ReferenceSniffer,
  mirrored: Mirrored,
  sent: Uint8Array,
): number[] {
  const { vlan, cos } = tagOf(mirrored.frame) ?? { vlan: 0, cos: 0 };
  const cut = mirrored.truncated || sent.length < mirrored.originalLength;
  const second = (cos << 13) | (en << 11) | (cut ? 0x400 : 0) | (sniffer.session ?? 0);
  return [...be16((version << 12) | vlan), ...be16(second)];
}

function erspan2(sniffer: ReferenceSniffer, mirrored: Mirrored, sent: Uint8Array): Uint8Array {
  const en = tagOf(mirrored.frame) === undefined ? 0 : 3; // 3: the tag is still in the frame
  return join(erspanWords(1, en, sniffer, mirrored, sent), be32(sniffer.index ?? 0));
}

function erspan3(sniffer: ReferenceSniffer, mirrored: Mirrored, sent: Uint8Array): Uint8Array {
  const ethernet = 0x8000; // P; FT 0
  const granularity = 2 << 1;
  const out = mirrored.direction === "out" ? 8 : 0;
  const nanoseconds = Number(mirrored.time % 1_000_000_000n);
  return join(
    erspanWords(2, 0, sniffer, mirrored, sent),
    be32(nanoseconds),
    [0, 0],
    be16(ethernet | ((mirrored.hardwareId ?? 0) << 4) | out | granularity),
  );
}
