// Who claims which tunnel identity: slots for the engine, and for people the place and the words of a claim, made when somebody
// asks.

import { Encapsulation } from "../../assembly/encapsulation.js";
import * as at from "../../assembly/memory/layout.js";
import { formatPrefix } from "../config/addresses.js";
import { sourceId } from "../config/identities.js";
import type { GatewayConfig } from "../config/schema.js";
import type { SharedSource, Source } from "../config/tenants.js";
import { identityShape, ShapeSet, shapeBits } from "./shapes.js";
import type { Slots } from "./slots.js";

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

/** Writes a slot for each claim; they are numbered in the order of the calls, which is that of `Claims`. */
export class ClaimSlots {
  readonly shapes = new ShapeSet();
  readonly #slots: Slots;
  #count = 0;

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  addShared(source: SharedSource): void {
    const trusted = "direction" in source && source.direction === "trusted";
    this.#add(source, (at.CLAIM_SHARED | (trusted ? at.CLAIM_TRUSTED : 0)) >>> 0);
  }

  /** Those of tenant number `t`. */
  addOwn(t: number, sources: readonly Source[]): void {
    for (let i = 0; i < sources.length; i++) this.#add(sources[i]!, t);
  }

  #add(source: Source, value: number): void {
    const { encapsulation, from, vlan } = source;
    const id = sourceId(source);
    const shape = identityShape(from, id !== undefined, vlan !== undefined, encapsulation === "nvgre");
    this.shapes.add(shape);
    const bits =
      shapeBits(shape) |
      at.KIND_IDENTITY |
      (ENCAPSULATION[encapsulation] << at.BITS_ENCAPSULATION) |
      (vlan === undefined ? 0 : (vlan + 1) << at.BITS_VLAN);
    this.#slots.add(from, id ?? 0, bits, value, this.#count++);
  }
}

type Claiming = Pick<GatewayConfig, "sharedSources" | "tenants">;

/** The claims of a configuration, by the claim index of a descriptor: those of shared sources, then those of the tenants in their order. */
export class Claims {
  readonly #config: Claiming;
  /** Index of each tenant's first claim, and at the end the number of claims; made at the first question. */
  #first: Uint32Array | undefined;

  constructor(config: Claiming) {
    this.#config = config;
  }

  /** Undefined for a number that is no claim's, as NONE. */
  at(index: number): Claim | undefined {
    const { sharedSources, tenants } = this.#config;
    const source = sharedSources[index];
    if (source !== undefined)
      return { path: `sharedSources[${index}]`, text: identityText(source), shared: true };
    this.#first ??= firstClaims(this.#config);
    const first = this.#first;
    if (!(index >= sharedSources.length && index < first[tenants.length]!)) return undefined;
    const t = lastAtMost(first, index);
    const { name, sources } = tenants[t]!;
    const i = index - first[t]!;
    const path = `tenants[${t}].sources[${i}]`;
    return { path, text: identityText(sources[i]!), shared: false, tenant: name };
  }
}

function firstClaims({ sharedSources, tenants }: Claiming): Uint32Array {
  const first = new Uint32Array(tenants.length + 1);
  let claims = sharedSources.length;
  for (const [t, { sources }] of tenants.entries()) {
    first[t] = claims;
    claims += sources.length;
  }
  first[tenants.length] = claims;
  return first;
}

/** The last place in a rising list, before its end, whose number is at most `limit`: so the owner among tenants without claims. */
function lastAtMost(list: Uint32Array, limit: number): number {
  let low = 0;
  let high = list.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (list[middle]! <= limit) low = middle;
    else high = middle;
  }
  return low;
}

function identityText(source: Source): string {
  const id = sourceId(source);
  const words = [id === undefined ? source.encapsulation : `${source.encapsulation} ${id}`];
  if (source.from !== undefined) words.push(`from ${formatPrefix(source.from)}`);
  if (source.vlan !== undefined) words.push(`in VLAN ${source.vlan}`);
  return words.join(" ");
}
