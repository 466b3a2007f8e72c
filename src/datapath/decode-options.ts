// From the configuration's keys to what an engine is told.

import type { GatewayConfig } from "../config/schema.js";
import { DEFAULT_OPTIONS, type EngineOptions } from "../engine/index.js";

/** The engine's options for `decode` and `tunnel.ports` of a configuration. */
export function engineOptions(
  decode: GatewayConfig["decode"],
  ports: GatewayConfig["tunnel"]["ports"],
): Pick<EngineOptions, "decode" | "ports"> {
  return {
    decode: {
      ...DEFAULT_OPTIONS.decode,
      ...decode,
      reassembly: { ...decode.reassembly, timeout: BigInt(decode.reassembly.timeout) },
    },
    ports,
  };
}
