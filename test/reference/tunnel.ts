// One tunnel layer as it was read: what it says about itself, and what it carries.

import type { Region } from "./region.js";

export type Encapsulation = "erspan" | "gre" | "vxlan" | "vxlan-gpe" | "geneve" | "tzsp" | "hp-erm";
export type UdpTunnel = "vxlan" | "vxlan-gpe" | "geneve" | "tzsp" | "hp-erm" | "gre-udp";

/** What a tunnel carries: a frame, or an IP packet whose version was announced. */
export interface Carried {
  kind: "ethernet" | 4 | 6;
  region: Region;
}

export interface Tunnel {
  encapsulation: Encapsulation;
  idKind?: "session" | "key" | "vni";
  id?: number;
  /** GRE S. */
  sequence?: number;
  /** `nvgre` may claim this packet too. */
  nvgre?: true;
  erspan?: Erspan;
  carried: Carried;
}

export interface Erspan {
  type: 1 | 2 | 3;
  /** Types II and III. */
  vlan?: number;
  cos?: number;
  truncated?: boolean;
  /** Type II: En. */
  en?: number;
  /** Type III. */
  clock?: MirrorClock;
  outgoing?: boolean;
  hardwareId?: number;
}

/** What ERSPAN III says about time. */
export interface MirrorClock {
  timestamp: number;
  granularity: number;
  /** With O: the platform id and the second word of the sub-header. */
  platform?: { id: number; word: number };
}

export interface TunnelOptions {
  checksums: "verify" | "ignore";
  lenient: boolean;
  greEthernet: number[];
  ports: Record<UdpTunnel, number[]>;
}

/** Things that are counted beside the verdict. */
export interface Notes {
  unverifiable: number;
  criticalOptions: number;
}
