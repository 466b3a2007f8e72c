// From the configuration's tenants and shared sources to the image that the engine looks packets up in.

import { Encapsulation } from "../../assembly/encapsulation.js";
import * as at from "../../assembly/memory/layout.js";
import { type Address, type EndpointAddress, formatPrefix } from "../config/addresses.js";
import { sourceId } from "../config/identities.js";
import type { GatewayConfig } from "../config/schema.js";
import type { Sniffer } from "../config/sniffers.js";
import type { Source, Tenant } from "../config/tenants.js";
import { addressShape, encodeShapes, familyOf, type Image, type Shape, Slots, shapeBits } from "./image.js";

/** An identity that the map knows: whose it is, and where the configuration says so. */
export interface Claim {
  /** `tenants[0].sources[1]` */
  readonly path: string;
  /** `erspan 100 from 10.77.0.1` */
  readonly text: string;
  /** Absent when the identity is shared. */
  readonly tenant?: string;
  readonly shared: boolean;
}

/** A tenant map ready for an engine, and the names behind its numbers. */
export interface CompiledMap {
  readonly image: Image;
  /** By the tenant index of a descriptor. */
  readonly tenants: readonly {
    readonly name: string;
    readonly sniffers: readonly string[];
    readonly snaplen?: number;
  }[];
  /** By the claim index of a descriptor. */
  readonly claims: readonly Claim[];
}

const ENCAPSULATION: Record<Source["encapsulation"], Encapsulation> = {
  erspan: Encapsulation.Erspan,
  gre: Encapsulation.Gre,
  nvgre: Encapsulation.Nvgre,
  vxlan: Encapsulation.Vxlan,
  "vxlan-gpe": Encapsulation.VxlanGpe,
  geneve: Encapsulation.Geneve,
  tzsp: Encapsulation.Tzsp,
  "hp-erm": Encapsulation.HpErm,
};

/** Compiles a configuration that was checked: no identity has two owners. */
export function compileMap(config: GatewayConfig): CompiledMap {
  const slots = new Slots();
  const claims: Claim[] = [];
  const shapes = new Map<number, Shape>();
  const claim = (source: Source, value: number, path: string, tenant?: string) => {
    const shape = identityShape(source);
    shapes.set(shapeBits(shape) * 4 + Number(shape.hasVlan) * 2 + Number(shape.vsid), shape);
    const bits =
      (shapeBits(shape) |
        at.KIND_IDENTITY |
        (ENCAPSULATION[source.encapsulation] << at.BITS_ENCAPSULATION) |
        (source.vlan === undefined ? 0 : (source.vlan + 1) << at.BITS_VLAN)) >>>
      0;
    slots.add(source.from, sourceId(source) ?? 0, bits, value, claims.length);
    const owner = tenant === undefined ? { shared: true } : { shared: false, tenant };
    claims.push({ path, text: identityText(source), ...owner });
  };

  for (const [i, source] of config.sharedSources.entries()) {
    const trusted = "direction" in source && source.direction === "trusted";
    claim(source, (at.CLAIM_SHARED | (trusted ? at.CLAIM_TRUSTED : 0)) >>> 0, `sharedSources[${i}]`);
  }
  for (const [t, tenant] of config.tenants.entries()) {
    for (const [i, source] of tenant.sources.entries()) {
      claim(source, t, `tenants[${t}].sources[${i}]`, tenant.name);
    }
  }
  const { tenants, tenantShapes } = addTenants(config.tenants, slots);
  const ownerShapes = config.sharedSources.length > 0 ? addOwners(config.tenants, slots) : [];
  const image: Image = {
    flags: addLoopAddresses(config, slots),
    slots: slots.bytes(),
    identityShapes: encodeShapes([...shapes.values()].sort(bySpecificity)),
    ownerShapes: encodeShapes(ownerShapes),
    tenantShapes: encodeShapes(tenantShapes),
    tenants,
  };
  return { image, claims, tenants: config.tenants.map(tenantNames) };
}

function tenantNames({ name, sniffers, snaplen }: Tenant): CompiledMap["tenants"][number] {
  return snaplen === undefined ? { name, sniffers } : { name, sniffers, snaplen };
}

function identityShape(source: Source): Shape {
  return {
    family: familyOf(source.from),
    prefixLength: source.from?.prefixLength ?? -1,
    hasId: sourceId(source) !== undefined,
    hasVlan: source.vlan !== undefined,
    vsid: source.encapsulation === "nvgre",
  };
}

/** Exact source, longer prefix, any; then id given, absent; then VLAN given, absent. */
function bySpecificity(a: Shape, b: Shape): number {
  return (
    b.prefixLength - a.prefixLength ||
    Number(b.hasId) - Number(a.hasId) ||
    Number(b.hasVlan) - Number(a.hasVlan)
  );
}

function identityText(source: Source): string {
  const id = sourceId(source);
  const words = [id === undefined ? source.encapsulation : `${source.encapsulation} ${id}`];
  if (source.from !== undefined) words.push(`from ${formatPrefix(source.from)}`);
  if (source.vlan !== undefined) words.push(`in VLAN ${source.vlan}`);
  return words.join(" ");
}

/** Tenant records, and per tenant the shapes of its addresses. */
function addTenants(list: readonly Tenant[], slots: Slots): { tenants: Uint8Array; tenantShapes: Shape[] } {
  const tenants = new Uint8Array(list.length * at.TENANT_SIZE);
  const view = new DataView(tenants.buffer);
  const tenantShapes: Shape[] = [];
  for (const [t, { addresses, nonIp }] of list.entries()) {
    const shapes = distinctShapes(addresses);
    const flags =
      (addresses.length > 0 ? at.TENANT_HAS_ADDRESSES : 0) |
      (addresses.some(({ family }) => family === "mac") ? at.TENANT_HAS_MAC : 0) |
      (nonIp === "deliver" ? at.TENANT_NON_IP : 0);
    const record = t * at.TENANT_SIZE;
    view.setUint32(record + at.TENANT_FLAGS, flags, true);
    view.setUint32(record + at.TENANT_SHAPES, tenantShapes.length, true);
    view.setUint32(record + at.TENANT_SHAPE_COUNT, shapes.length, true);
    tenantShapes.push(...shapes);
    for (const address of distinct(addresses).values()) {
      slots.add(address, t, (shapeBits(addressShape(address)) | at.KIND_ADDRESS) >>> 0, 0);
    }
  }
  return { tenants, tenantShapes };
}

/** Whose each address is, over all tenants: one that two claim with the same prefix has no single owner. */
function addOwners(list: readonly Tenant[], slots: Slots): Shape[] {
  const owners = new Map<string, { address: EndpointAddress; owner: number }>();
  for (const [t, { addresses }] of list.entries()) {
    for (const [key, address] of distinct(addresses)) {
      owners.set(key, { address, owner: owners.has(key) ? at.OWNER_MANY : t });
    }
  }
  for (const { address, owner } of owners.values()) {
    slots.add(address, 0, (shapeBits(addressShape(address)) | at.KIND_OWNER) >>> 0, owner);
  }
  return distinctShapes([...owners.values()].map(({ address }) => address));
}

/** Distinct shapes, longest prefix first. */
function distinctShapes(addresses: readonly EndpointAddress[]): Shape[] {
  const shapes = new Map(
    addresses.map((address) => [shapeBits(addressShape(address)), addressShape(address)]),
  );
  return [...shapes.values()].sort(bySpecificity);
}

function distinct(addresses: readonly EndpointAddress[]): Map<string, EndpointAddress> {
  return new Map(
    addresses.map((address) => [`${shapeBits(addressShape(address))}/${address.bytes}`, address]),
  );
}

/** Where copies go, and where tunnels end: a mirrored packet to either is a loop. */
function addLoopAddresses({ sniffers, tunnel }: GatewayConfig, slots: Slots): number {
  const deliveries = distinct(sniffers.flatMap(deliveryAddresses));
  const gateways = distinct(tunnel.addresses.map(hostPrefix));
  for (const address of deliveries.values()) slots.add(address, 0, loopBits(address, at.KIND_SNIFFER), 0);
  for (const address of gateways.values()) slots.add(address, 0, loopBits(address, at.KIND_GATEWAY), 0);
  return (deliveries.size > 0 ? at.MAP_HAS_SNIFFERS : 0) | (gateways.size > 0 ? at.MAP_HAS_GATEWAY : 0);
}

function loopBits(address: EndpointAddress, kind: number): number {
  return (kind | (familyOf(address) << at.BITS_FAMILY)) >>> 0;
}

function hostPrefix(address: Address): EndpointAddress {
  return { ...address, prefixLength: address.bytes.length * 8 };
}

function deliveryAddresses(sniffer: Sniffer): EndpointAddress[] {
  const addresses: EndpointAddress[] = [];
  // Across routers `mac` is the next hop's, which a tenant's own packets may well be sent to.
  if (sniffer.deliver === "mac" || sniffer.deliver === "ip")
    addresses.push({ family: "mac", bytes: sniffer.mac });
  if ("ip" in sniffer && sniffer.ip !== undefined) addresses.push(hostPrefix(sniffer.ip));
  if ("to" in sniffer && sniffer.to !== undefined) addresses.push(hostPrefix(sniffer.to));
  return addresses;
}
