// The tenant map: DESIGN "The tenant map", rules 1 to 4, and loops. A linear search, in the order of the rules.

import { contains, ipText, isMac, macText, type Prefix, parseIp, parsePrefix } from "./address.js";
import type { Endpoints } from "./endpoints.js";
import type { ReferenceSniffer } from "./sniffer.js";
import type { Verdict } from "./verdict.js";

export interface Identity {
  encapsulation: string;
  session?: number;
  key?: number;
  vsid?: number;
  vni?: number;
  from?: string;
  vlan?: number;
}

export interface ReferenceMap {
  /** `tunnel.addresses`. */
  gateway: string[];
  sniffers: ReferenceSniffer[];
  sharedSources: (Identity & { direction?: "trusted" })[];
  tenants: {
    name: string;
    sources: Identity[];
    addresses: string[];
    nonIp: "drop" | "deliver";
    /** In the order in which they are offered packets. */
    sniffers: string[];
    fanout?: "copy" | "balance";
    snaplen?: number;
    /** Bits per second. */
    rate?: number;
  }[];
}

/** What the outermost tunnel says about where a packet comes from. */
export interface Origin {
  encapsulation: string;
  id: number | undefined;
  nvgre: boolean;
  source: Uint8Array;
  vlan: number | undefined;
  /** D of ERSPAN III. */
  direction: "in" | "out" | undefined;
}

export interface Decision {
  verdict: Verdict;
  rule?: 1 | 2 | 3 | 4;
  tenant?: string;
  sniffers?: string[];
}

interface Tenant {
  name: string;
  macs: Set<string>;
  prefixes: Prefix[];
  nonIp: "drop" | "deliver";
  sniffers: string[];
}

interface Claim {
  identity: Identity;
  from: Prefix | undefined;
  /** Undefined for a shared source. */
  tenant: Tenant | undefined;
  trusted: boolean;
}

export class TenantMap {
  private readonly tenants: Tenant[];
  private readonly claims: Claim[] = [];
  private readonly gateway: Set<string>;
  private readonly snifferMacs = new Set<string>();
  private readonly snifferIps = new Set<string>();

  constructor(
    map: ReferenceMap,
    private readonly isTunnelPort: (port: number) => boolean,
  ) {
    this.gateway = new Set(map.gateway.map(canonical));
    for (const { mac, ip, to } of map.sniffers) {
      // With `to`, `mac` is the next hop's: a router's, perhaps a VRRP address that every segment has.
      if (mac !== undefined && to === undefined) this.snifferMacs.add(mac.toLowerCase());
      for (const address of [ip, to]) if (address !== undefined) this.snifferIps.add(canonical(address));
    }
    this.tenants = map.tenants.map(({ name, addresses, nonIp, sniffers }) => ({
      name,
      macs: new Set(addresses.filter(isMac).map((mac) => mac.toLowerCase())),
      prefixes: addresses.filter((address) => !isMac(address)).map(parsePrefix),
      nonIp,
      sniffers,
    }));
    map.tenants.forEach(({ sources }, index) => {
      for (const identity of sources) this.claim(identity, this.tenants[index], false);
    });
    for (const shared of map.sharedSources) this.claim(shared, undefined, shared.direction === "trusted");
  }

  private claim(identity: Identity, tenant: Tenant | undefined, trusted: boolean): void {
    const from = identity.from === undefined ? undefined : parsePrefix(identity.from);
    this.claims.push({ identity, from, tenant, trusted });
  }

  decide(origin: Origin, inner: Endpoints): Decision {
    if (this.isLoop(inner)) return { verdict: "loop" };
    const claim = this.mostSpecific(origin);
    if (claim === undefined) return { verdict: "unmapped", rule: 4 };
    if (claim.tenant === undefined)
      return this.byAddresses(inner, claim.trusted ? origin.direction : undefined);
    const { tenant } = claim;
    if (tenant.macs.size === 0 && tenant.prefixes.length === 0) return delivered(tenant, 1);
    const own =
      owns(tenant, inner) || (tenant.nonIp === "deliver" && tenant.macs.size === 0 && inner.kind === "other");
    return own ? delivered(tenant, 2) : { verdict: "foreign-address", rule: 2 };
  }

  private isLoop(inner: Endpoints): boolean {
    if (inner.destinationMac && this.snifferMacs.has(macText(inner.destinationMac))) return true;
    if (inner.ipDestination === undefined) return false;
    const destination = ipText(inner.ipDestination);
    if (this.snifferIps.has(destination)) return true;
    const isTunnel = inner.gre || (inner.udpPort !== undefined && this.isTunnelPort(inner.udpPort));
    return this.gateway.has(destination) && isTunnel === true;
  }

  private mostSpecific(origin: Origin): Claim | undefined {
    let best: Claim | undefined;
    for (const claim of this.claims) {
      if (!matches(claim, origin)) continue;
      if (best === undefined || isMoreSpecific(claim, best)) best = claim;
    }
    return best;
  }

  /** Rule 3: a mirror session of many tenants. */
  private byAddresses(inner: Endpoints, direction: "in" | "out" | undefined): Decision {
    const ofSource = this.owners(inner.sourceMac, inner.sources);
    const ofDestination = this.owners(inner.destinationMac, inner.destinations);
    const all = new Set([...ofSource, ...ofDestination]);
    if (all.size === 0) return { verdict: "unmapped", rule: 3 };
    const [only, ...others] = all;
    if (others.length === 0) return delivered(only!, 3);
    const side = direction === "in" ? ofSource : direction === "out" ? ofDestination : new Set<Tenant>();
    const [owner] = side;
    return side.size === 1 ? delivered(owner!, 3) : { verdict: "ambiguous-tenant", rule: 3 };
  }

  private owners(mac: Uint8Array | undefined, addresses: Uint8Array[]): Set<Tenant> {
    const owners = new Set<Tenant>();
    if (mac !== undefined) {
      const text = macText(mac);
      for (const tenant of this.tenants) if (tenant.macs.has(text)) owners.add(tenant);
    }
    for (const address of addresses) for (const tenant of this.ownersOfIp(address)) owners.add(tenant);
    return owners;
  }

  /** Those with the longest matching prefix: one, or several that claim the same. */
  private ownersOfIp(address: Uint8Array): Tenant[] {
    const longest = this.tenants.map((tenant) =>
      Math.max(
        -1,
        ...tenant.prefixes.filter((prefix) => contains(prefix, address)).map(({ length }) => length),
      ),
    );
    const best = Math.max(-1, ...longest);
    return best < 0 ? [] : this.tenants.filter((_, index) => longest[index] === best);
  }
}

function canonical(address: string): string {
  return ipText(parseIp(address));
}

function delivered(tenant: Tenant, rule: 1 | 2 | 3): Decision {
  return { verdict: "delivered", rule, tenant: tenant.name, sniffers: tenant.sniffers };
}

/** Rule 2: any endpoint will do. */
function owns(tenant: Tenant, inner: Endpoints): boolean {
  const macs = [inner.sourceMac, inner.destinationMac].filter((mac) => mac !== undefined);
  if (macs.some((mac) => tenant.macs.has(macText(mac)))) return true;
  const addresses = [...inner.sources, ...inner.destinations];
  return addresses.some((address) => tenant.prefixes.some((prefix) => contains(prefix, address)));
}

/** The id an identity asks for, whatever its encapsulation calls it. */
function idOf(identity: Identity): number | undefined {
  return identity.session ?? identity.key ?? identity.vsid ?? identity.vni;
}

function matches(claim: Claim, origin: Origin): boolean {
  const { identity, from } = claim;
  let id = origin.id;
  if (identity.encapsulation === "nvgre") {
    if (!origin.nvgre) return false;
    id = origin.id! >>> 8; // the VSID; the lower 8 bits are the flow (RFC 7637)
  } else if (identity.encapsulation !== origin.encapsulation) return false;
  const wanted = idOf(identity);
  if (wanted !== undefined && wanted !== id) return false;
  if (from !== undefined && !contains(from, origin.source)) return false;
  return identity.vlan === undefined || identity.vlan === origin.vlan;
}

/** First the source, then the id, then the VLAN. An exact source is a prefix of all bits. */
function isMoreSpecific(a: Claim, b: Claim): boolean {
  const rank = ({ from, identity }: Claim) => [
    from === undefined ? -1 : from.length,
    idOf(identity) === undefined ? 0 : 1,
    identity.vlan === undefined ? 0 : 1,
  ];
  const [left, right] = [rank(a), rank(b)];
  const at = left.findIndex((value, index) => value !== right[index]);
  return at >= 0 && left[at]! > right[at]!;
}
