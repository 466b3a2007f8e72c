// A map with sniffers of every kind: each delivery mode, several of one tenant, shares, rates, queues that overflow.

import type { Image } from "../../bench/race.js";
import { gatewayConfig } from "../../src/config/schema.js";
import { compileMap } from "../../src/mapping/index.js";
import type { ReferenceMap, ReferenceSniffer } from "../reference/index.js";

export const MTU = 600;
/** Bits per second: little more than what a bucket holds at the start. */
const SLOW = 1_000_000;
const MAC = "02:00:00:00:0a:01";
const next = (i: number) => `02:00:00:00:0b:${i.toString(16).padStart(2, "0")}`;

/** One sniffer of each kind, and some that refuse. */
const KINDS: Omit<ReferenceSniffer, "name">[] = [
  { deliver: "mac", mac: MAC },
  { deliver: "mac", mac: MAC, vlan: 210, sourceMac: "interface" },
  { deliver: "mac", mac: MAC, queue: 2 },
  { deliver: "mac", mac: MAC, queue: 3, overflow: "drop-oldest" },
  { deliver: "mac", mac: MAC, vlan: 1 },
  { deliver: "ip", mac: MAC, ip: "198.51.100.7" },
  { deliver: "ip", mac: MAC, ip: "2001:db8:77::7", vlan: 5 },
  { deliver: "vxlan", to: "198.51.100.10", mac: next(1), vni: 77 },
  { deliver: "vxlan", to: "198.51.100.11", vni: 78, vlan: 9, udpChecksum: true, port: 8472 },
  { deliver: "vxlan", to: "2001:db8:77::10", vni: 79 },
  { deliver: "geneve", to: "198.51.100.12", vni: 0xabcdef, fit: "drop" },
  { deliver: "gre", to: "198.51.100.13" },
  { deliver: "gre", to: "2001:db8:77::13", key: 0xfedcba98 },
  { deliver: "erspan2", to: "198.51.100.14", session: 5, index: 0xabcde },
  { deliver: "erspan3", to: "198.51.100.14", session: 5 },
  { deliver: "erspan3", to: "198.51.100.15", session: 1023, vlan: 4094 },
];

export const sniffers = [
  ...KINDS.map((kind, i) => ({ name: `kind-${i}`, ...kind })),
  ...["vxlan", "mac", "erspan2", "ip"].map((deliver, i) => ({
    ...KINDS.find((kind) => kind.deliver === deliver)!,
    name: `several-${i}`,
    session: deliver === "erspan2" ? 6 : undefined,
    rate: deliver === "vxlan" ? SLOW : undefined,
  })),
  ...[1, 2, 3].map((weight) => ({ name: `share-${weight}`, deliver: "mac" as const, mac: MAC, weight })),
  { name: "slow", deliver: "mac" as const, mac: MAC },
].map((sniffer) => Object.fromEntries(Object.entries(sniffer).filter(([, value]) => value !== undefined)));

type Fields = Partial<ReferenceMap["tenants"][number]>;
const tenant = (source: ReferenceMap["tenants"][number]["sources"][number], fields: Fields) => ({
  name: `${source.encapsulation}-${source.session ?? source.vni ?? source.key ?? "any"}-${source.from ?? "any"}`.replace(
    /[^a-z0-9-]/g,
    "-",
  ),
  sources: [source],
  addresses: [],
  nonIp: "drop" as const,
  sniffers: [],
  ...fields,
});

/** The mutator's packets by what they come in: each kind of sniffer gets its part. */
const tenants = [
  ...KINDS.map((_, i) =>
    tenant(SOURCES()[i]!, { sniffers: [`kind-${i}`], ...(i % 3 === 2 ? { snaplen: 90 } : {}) }),
  ),
  tenant({ encapsulation: "gre" }, { sniffers: [0, 1, 2, 3].map((i) => `several-${i}`) }),
  tenant(
    { encapsulation: "erspan" },
    { sniffers: ["share-1", "share-2", "share-3"], fanout: "balance" as const },
  ),
  tenant({ encapsulation: "vxlan" }, { sniffers: ["slow"], rate: SLOW }),
];

function SOURCES(): ReferenceMap["tenants"][number]["sources"] {
  return [
    { encapsulation: "vxlan", vni: 0 },
    { encapsulation: "vxlan", vni: 1 },
    { encapsulation: "vxlan", vni: 5000 },
    { encapsulation: "vxlan", vni: 3 },
    { encapsulation: "geneve", vni: 0 },
    { encapsulation: "vxlan-gpe" },
    { encapsulation: "erspan", session: 100 },
    { encapsulation: "erspan", session: 0 },
    { encapsulation: "erspan", session: 1 },
    { encapsulation: "erspan", session: 2 },
    { encapsulation: "geneve" },
    { encapsulation: "tzsp" },
    { encapsulation: "hp-erm" },
    { encapsulation: "erspan", session: 101 },
    { encapsulation: "erspan", session: 200 },
    { encapsulation: "erspan", session: 3 },
  ];
}

export const map = {
  gateway: ["192.0.2.250", "2001:db8::250"],
  sniffers,
  sharedSources: [],
  tenants,
} as unknown as ReferenceMap;

/** As a configuration says it. */
function withRateInWords(fields: { readonly rate?: unknown }): object {
  return fields.rate === undefined ? fields : { ...fields, rate: `${fields.rate}bit` };
}

export function image(): Image {
  const config = gatewayConfig.parse({
    tunnel: { addresses: map.gateway },
    delivery: { mtu: MTU },
    sniffers: sniffers.map(withRateInWords),
    tenants: tenants.map(withRateInWords),
  });
  return compileMap(config, { delivery: "configured" }).image;
}
