// From the configuration's tenants, shared sources and sniffers to the image that the engine looks packets up in.

import type { GatewayConfig } from "../config/schema.js";
import { addLoopAddresses, addOwners } from "./addresses.js";
import { CellNames } from "./cell-names.js";
import { ClaimSlots, Claims } from "./claims.js";
import type { Image } from "./image.js";
import { ShapeSet } from "./shapes.js";
import { Slots } from "./slots.js";
import { isPacked, type Origin, SnifferRecords } from "./sniffers.js";
import { TenantRecords } from "./tenants.js";

/** What a map is compiled for. */
export interface CompileOptions {
  /**
   * `none`: packets are classified and delivered to nobody, as in a map without sniffers; `plain`: every sniffer is handed frames as
   * they were decoded; `configured`: each as its `deliver` says, files and TAP interfaces plain.
   */
  readonly delivery?: "none" | "plain" | "configured";
  /** The delivery interface's own addresses; absent offline. */
  readonly origin?: Origin;
}

/** A tenant map ready for an engine, and the names behind its numbers. */
export interface CompiledMap {
  readonly image: Image;
  /** By the tenant index of a descriptor. */
  readonly tenants: readonly {
    readonly name: string;
    readonly sniffers: readonly string[];
    readonly snaplen?: number | undefined;
  }[];
  /** By the claim index of a descriptor. */
  readonly claims: Pick<Claims, "at">;
}

/**
 * Compiles a configuration that was checked: no identity has two owners, no sniffer two tenants.
 *
 * Throws CONFIG_INVALID when a tenant names no sniffer of the list, and `delivery` is not `none`.
 */
export function compileMap(config: GatewayConfig, options: CompileOptions = {}): CompiledMap {
  const { delivery = "none", origin } = options;
  const { sharedSources, sniffers, tenants } = config;
  const configured = delivery === "configured";
  // A packed sniffer has an address, and with `configured` a record.
  const packed = sniffers.reduce((count, sniffer) => count + (isPacked(sniffer) ? 1 : 0), 0);
  const slots = new Slots(sharedSources.length + tenants.length + packed);
  const claims = new ClaimSlots(slots);
  for (const source of sharedSources) claims.addShared(source);
  const cells = new CellNames();
  const tenantRecords = new TenantRecords(config, slots, cells);
  for (let t = 0; t < tenants.length; t++) {
    const tenant = tenants[t]!;
    claims.addOwn(t, tenant.sources);
    tenantRecords.add(t, tenant);
    if (delivery !== "none") tenantRecords.addDelivery(t, tenant);
  }
  const snifferRecords =
    delivery === "none" ? undefined : new SnifferRecords(config, cells, origin, configured ? packed : 0);
  if (snifferRecords !== undefined) {
    for (let i = 0; i < sniffers.length; i++) {
      if (configured) snifferRecords.addConfigured(i, sniffers[i]!);
      else snifferRecords.addPlain(i, sniffers[i]!);
    }
  }
  const ownerShapes = sharedSources.length > 0 ? addOwners(tenants, slots) : new ShapeSet().encode();
  const loops = addLoopAddresses(config, slots);
  const image: Image = {
    slots: slots.bytes(),
    identityShapes: claims.shapes.encode(),
    ownerShapes,
    tenantShapes: tenantRecords.shapes.encode(),
    tenants: tenantRecords.bytes,
    sniffers: snifferRecords?.bytes ?? new Uint8Array(),
    sniffersOfRecords: snifferRecords?.numbers ?? new Uint32Array(),
    sniffersOfTenants: tenantRecords.sniffersOfTenants(),
    balance: tenantRecords.balance(),
    queues: snifferRecords === undefined ? [] : sniffers,
    cells,
    ...loops,
  };
  return { image, claims: new Claims(config), tenants };
}
