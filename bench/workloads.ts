// What is measured with: frames of every encapsulation and size, and the map of those who get them.

import { type GatewayConfig, gatewayConfig } from "../src/config/schema.js";
import {
  erspan2,
  erspan3,
  ethernet,
  geneve,
  gre,
  ipv4,
  ipv6,
  join,
  tag,
  tzsp,
  udp,
  vxlan,
  vxlanGpe,
} from "../test/reference/packets.js";

/** Mirror sources, and sessions of all of them together. */
export const SOURCES = 4;
export const SESSIONS = 16;

const TO = "10.77.0.2";
const GRE = 47;
const UDP = 17;
const IPV4 = 0x0800;
const SEQUENCE = 4; // in a GRE header without checksum and key

/** A frame to send again and again, with another sequence number each time. */
export interface Template {
  readonly frame: Uint8Array;
  /** Where the GRE sequence number stands, when there is one. */
  readonly sequence?: number;
}

/** Frames of one kind. */
export interface Workload {
  readonly name: string;
  /** The template of session `session`, around an inner frame. */
  template(session: number, inner: Uint8Array): Template;
}

/** An Ethernet frame of `length` bytes: UDP between two hosts. */
export function innerFrame(length: number): Uint8Array {
  const payload = Uint8Array.from({ length: length - 42 }, (_, i) => (i * 7) & 0xff);
  return ethernet(IPV4, ipv4(UDP, udp(53, payload), { source: "10.1.0.5", destination: "10.1.0.9" }));
}

function source(session: number): string {
  return `10.77.1.${1 + (session % SOURCES)}`;
}

function overIpv4(session: number, protocol: number, payload: Uint8Array): Uint8Array {
  return ethernet(IPV4, ipv4(protocol, payload, { source: source(session), destination: TO }));
}

/** Behind an Ethernet and an IPv4 header. */
export const BEHIND_IPV4 = 14 + 20;

/** ERSPAN II. */
export function typeTwo(session: number, inner: Uint8Array): Template {
  const packet = gre(0x88be, erspan2(inner, { session }), { sequence: 0 });
  return { frame: overIpv4(session, GRE, packet), sequence: BEHIND_IPV4 + SEQUENCE };
}

/** ERSPAN III. */
function typeThree(session: number, inner: Uint8Array, platform?: { id: number; word: number }): Template {
  const fields = { session, timestamp: 1000, granularity: 2, outgoing: session % 2 === 1 };
  const header = erspan3(inner, platform === undefined ? fields : { ...fields, platform });
  return {
    frame: overIpv4(session, GRE, gre(0x22eb, header, { sequence: 0 })),
    sequence: BEHIND_IPV4 + SEQUENCE,
  };
}

function overUdp(session: number, port: number, payload: Uint8Array): Template {
  return { frame: overIpv4(session, UDP, udp(port, payload)) };
}

function vni(session: number): number {
  return 5000 + session;
}

const GENEVE_OPTIONS = [0x01, 0x02, 0x01, 1, 0, 0, 0, 1, 0x01, 0x03, 0x02, 2, 0, 0, 0, 1, 0, 0, 0, 2];

/** Every encapsulation that is decoded. */
export const WORKLOADS: readonly Workload[] = [
  {
    name: "ERSPAN I",
    template: (session, inner) => ({ frame: overIpv4(session, GRE, gre(0x88be, inner)) }),
  },
  { name: "ERSPAN II", template: typeTwo },
  {
    name: "ERSPAN II, outer VLAN",
    template(session, inner) {
      const { frame } = typeTwo(session, inner);
      const tagged = join(frame.subarray(0, 12), [0x81, 0], tag(30, IPV4, frame.subarray(14)));
      return { frame: tagged, sequence: BEHIND_IPV4 + 4 + SEQUENCE };
    },
  },
  {
    name: "ERSPAN II over IPv6",
    template(session, inner) {
      const packet = gre(0x88be, erspan2(inner, { session }), { sequence: 0 });
      const outer = ipv6(GRE, packet, { source: `2001:db8::${1 + (session % SOURCES)}` });
      return { frame: ethernet(0x86dd, outer), sequence: 14 + 40 + SEQUENCE };
    },
  },
  { name: "ERSPAN III", template: (session, inner) => typeThree(session, inner) },
  {
    name: "ERSPAN III, sub-header",
    template: (session, inner) => typeThree(session, inner, { id: 5, word: 1_700_000_000 }),
  },
  {
    name: "GRE, key, Ethernet",
    template: (session, inner) => ({
      frame: overIpv4(session, GRE, gre(0x6558, inner, { key: vni(session) })),
    }),
  },
  {
    name: "GRE, IPv4",
    template: (session, inner) => ({ frame: overIpv4(session, GRE, gre(IPV4, inner.subarray(14))) }),
  },
  { name: "VXLAN", template: (session, inner) => overUdp(session, 4789, vxlan(vni(session), inner)) },
  {
    name: "VXLAN-GPE",
    template: (session, inner) => overUdp(session, 4790, vxlanGpe(vni(session), 3, inner)),
  },
  {
    name: "GENEVE, two options",
    template: (session, inner) => overUdp(session, 6081, geneve(vni(session), 0x6558, inner, GENEVE_OPTIONS)),
  },
  { name: "TZSP", template: (session, inner) => overUdp(session, 37008, tzsp(inner)) },
  {
    name: "ERSPAN II, III, VXLAN mixed",
    template(session, inner) {
      if (session % 3 === 0) return typeTwo(session, inner);
      if (session % 3 === 1) return typeThree(session, inner);
      return overUdp(session, 4789, vxlan(vni(session), inner));
    },
  },
];

/** A VXLAN frame whose VNI is written over: source `10.77.1.x` by `session`. */
export function vxlanTemplate(session: number, inner: Uint8Array): Uint8Array {
  return overUdp(session, 4789, vxlan(0, inner)).frame;
}
/** Where its VNI stands (24 bits). */
export const VXLAN_VNI = BEHIND_IPV4 + 8 + 4;

/** Each tenant has a VNI from one source, and a sniffer: what a fleet of hypervisors looks like to its gateway. */
export function mapConfiguration(count: number): GatewayConfig {
  const tenants: GatewayConfig["tenants"] = Array.from({ length: count }, (_, t) => ({
    name: `t${t}`,
    sources: [
      {
        encapsulation: "vxlan",
        vni: vniOf(t),
        from: { family: 4, bytes: Uint8Array.of(10, 77, 1, 1 + (t % SOURCES)), prefixLength: 32 },
      },
    ],
    addresses: [],
    nonIp: "drop",
    sniffers: [`s${t}`],
    fanout: "copy",
  }));
  return { ...gatewayConfig.parse({}), tenants };
}

/** Not in order, as identifiers that come and go are: an odd factor gives each tenant another of the 2^24. */
export function vniOf(tenant: number): number {
  return Math.imul(tenant, 0x9e3779) & 0xffffff;
}

/** The same numbers in every run (Numerical Recipes' linear congruential generator), from 0 to 2^32 - 1. */
export function randomNumbers(seed = 1): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  };
}
