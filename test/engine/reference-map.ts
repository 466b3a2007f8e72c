// The reference's tenant map as the engine's: the same words through the schema and the compiler.

import { gatewayConfig } from "../../src/config/schema.js";
import { type CompiledMap, compileMap } from "../../src/mapping/index.js";
import type { ReferenceMap } from "../reference/index.js";

/** The compiled map, or undefined when the schema refuses what the reference would take. */
export function compileReferenceMap({
  gateway,
  sniffers,
  sharedSources,
  tenants,
}: ReferenceMap): CompiledMap | undefined {
  const parsed = gatewayConfig.safeParse({
    tunnel: { addresses: gateway },
    sniffers: sniffers.map(({ name, mac, ip, to }) => ({ name, ...deliverTo(mac, ip, to) })),
    sharedSources,
    tenants: tenants.map((tenant) => ({
      ...tenant,
      sniffers: tenant.sniffers.length > 0 ? tenant.sniffers : ["none"],
    })),
  });
  return parsed.success ? compileMap(parsed.data) : undefined;
}

/** A delivery mode with these addresses. */
function deliverTo(mac?: string, ip?: string, to?: string): object {
  if (to !== undefined) return { deliver: "vxlan", to, vni: 1 };
  if (ip !== undefined) return { deliver: "ip", ip, mac: mac ?? "02:00:00:00:ff:01" };
  return mac === undefined ? {} : { deliver: "mac", mac };
}
