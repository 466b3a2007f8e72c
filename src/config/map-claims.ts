// What no two entries of a map may have: names, destinations, identities, sniffers. It goes along from map to map, so that of another one
// only what is new in it is looked up. It tells of no mistake: whatever may be one is left to semantics.ts, which looks at the whole map.

import { formatEndpoint } from "./addresses.js";
import type { ConfigPurpose } from "./check.js";
import { describeIdentity } from "./identities.js";
import type { GatewayConfig } from "./schema.js";
import { destinationOf, hostOf, IPV6_LEAST_MTU } from "./semantics.js";
import type { Sniffer } from "./sniffers.js";

/** Entries of a map: all of them, or those that it has no more, or has anew. One that was changed is both. */
export type Entries = Pick<GatewayConfig, "sharedSources" | "sniffers" | "tenants">;

export class MapClaims {
  readonly #taken = new Set<string>();
  readonly #sniffers = new Map<string, Sniffer>();
  /** How many sniffers are at a MAC address: one tenant's may be several. */
  readonly #hosts = new Map<string, number>();
  /** How many sources there are whose key is read in another way by the other. */
  #gre = 0;
  #nvgre = 0;
  /** Tenants that own addresses. */
  #addressed = 0;
  readonly #purpose: ConfigPurpose;
  readonly #isShared: boolean;

  /** @param map one without mistakes */
  constructor(map: Entries, purpose: ConfigPurpose) {
    this.#purpose = purpose;
    this.#isShared = map.sharedSources.length > 0;
    for (const key of this.#keysOf(map)) this.#taken.add(key);
    this.#count(map, 1);
  }

  /**
   * Goes over to another configuration. Gives how to go back; undefined when there may be a mistake, and all is as it was.
   *
   * @param after differs from the one before in nothing but these entries
   */
  replace(after: GatewayConfig, removed: Entries, added: Entries): (() => void) | undefined {
    if (after.sharedSources.length > 0 !== this.#isShared || after.senders === "per-sniffer")
      return undefined;
    if (!this.#areEachFine(after, added)) return undefined;
    const entered: string[] = [];
    const undo = () => {
      for (const key of entered) this.#taken.delete(key);
      for (const key of this.#keysOf(removed)) this.#taken.add(key);
      this.#count(added, -1);
      this.#count(removed, 1);
    };
    for (const key of this.#keysOf(removed)) this.#taken.delete(key);
    this.#count(removed, -1);
    this.#count(added, 1);
    for (const key of this.#keysOf(added)) {
      if (this.#taken.has(key)) {
        undo();
        return undefined;
      }
      this.#taken.add(key);
      entered.push(key);
    }
    if (this.#areTogetherFine(removed, added)) return undo;
    undo();
    return undefined;
  }

  *#keysOf({ sharedSources, sniffers, tenants }: Entries): Generator<string> {
    for (const source of sharedSources) yield `identity ${describeIdentity(source)}`;
    for (const sniffer of sniffers) {
      yield `sniffer ${sniffer.name.toLowerCase()}`;
      const destination = destinationOf(sniffer);
      if (destination !== undefined) yield `destination ${destination}`;
    }
    for (const { name, sources, sniffers: own, addresses } of tenants) {
      yield `tenant ${name.toLowerCase()}`;
      for (const source of sources) yield `identity ${describeIdentity(source)}`;
      for (const sniffer of own) yield `owner of ${sniffer}`;
      if (!this.#isShared) continue;
      // One of its own a tenant may write twice.
      for (const address of new Set(addresses.map(formatEndpoint))) yield `address ${address}`;
    }
  }

  #count({ sniffers, tenants, sharedSources }: Entries, sign: 1 | -1): void {
    for (const sniffer of sniffers) {
      if (sign > 0) this.#sniffers.set(sniffer.name, sniffer);
      else if (this.#sniffers.get(sniffer.name) === sniffer) this.#sniffers.delete(sniffer.name);
      const host = hostOf(sniffer);
      if (host === undefined) continue;
      const count = (this.#hosts.get(host) ?? 0) + sign;
      if (count === 0) this.#hosts.delete(host);
      else this.#hosts.set(host, count);
    }
    const countSource = ({ encapsulation }: { readonly encapsulation: string }) => {
      if (encapsulation === "gre") this.#gre += sign;
      else if (encapsulation === "nvgre") this.#nvgre += sign;
    };
    sharedSources.forEach(countSource);
    for (const { sources, addresses } of tenants) {
      sources.forEach(countSource);
      if (addresses.length > 0) this.#addressed += sign;
    }
  }

  /** What an entry shows by itself. */
  #areEachFine({ tunnel, delivery }: GatewayConfig, { sniffers, tenants }: Entries): boolean {
    const { live = false, replay = false, record = false } = this.#purpose;
    // What sockets cannot do is looked at there, too.
    if (tunnel.backend === "udp" || delivery.backend === "udp") return false;
    const hasNic = (tunnel.interface ?? delivery.interface) !== undefined;
    return (
      sniffers.every((sniffer) => {
        if (live && sniffer.deliver === undefined) return false;
        if (replay && !record && !hasNic) return false;
        return !("to" in sniffer && sniffer.to.family === 6 && delivery.mtu < IPV6_LEAST_MTU);
      }) &&
      tenants.every(
        ({ sources, addresses }) => sources.length > 0 || (this.#isShared && addresses.length > 0),
      )
    );
  }

  /** What only the whole map shows. */
  #areTogetherFine(removed: Entries, added: Entries): boolean {
    const isAlone = (sniffer: Sniffer) => {
      const host = hostOf(sniffer);
      return host === undefined || this.#hosts.get(host) === 1;
    };
    const isOwnable = (name: string) => {
      const sniffer = this.#sniffers.get(name);
      return sniffer !== undefined && isAlone(sniffer);
    };
    const isUnowned = ({ name }: Sniffer) => this.#sniffers.has(name) || !this.#taken.has(`owner of ${name}`);
    return (
      added.sniffers.every(isAlone) &&
      added.tenants.every(({ sniffers }) => sniffers.every(isOwnable)) &&
      removed.sniffers.every(isUnowned) &&
      (this.#gre === 0 || this.#nvgre === 0) &&
      (!this.#isShared || this.#addressed > 0)
    );
  }
}
