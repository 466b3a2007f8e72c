// Configurations for maps: the text of a gateway.yaml, read as the program reads it.

import { parseConfig } from "../../src/config/load.js";
import type { GatewayConfig } from "../../src/config/schema.js";

/** The configuration; throws its mistakes. */
export function configOf(yaml: string): GatewayConfig {
  const { config, mistakes } = parseConfig(yaml, "gateway.yaml");
  if (config === undefined) throw new Error(JSON.stringify(mistakes));
  return config;
}

/** One tenant with these sniffers, and what else it has. */
export function oneTenant(
  sniffers: readonly object[],
  tenant: object = {},
  rest: object = {},
): GatewayConfig {
  const names = sniffers.map((sniffer, i) => ({ name: `s${i}`, ...sniffer }));
  return configOf(
    JSON.stringify({
      ...rest,
      sniffers: names,
      tenants: [
        {
          name: "acme",
          sources: [{ encapsulation: "erspan", session: 1 }],
          sniffers: names.map(({ name }) => name),
          ...tenant,
        },
      ],
    }),
  );
}
