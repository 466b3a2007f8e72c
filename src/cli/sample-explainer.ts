// What a live gateway's workers sampled is explained as `spangate explain` does it: with an engine that has what one packet after another
// needs.

import { engineOptions, offlineDelivery } from "../datapath/index.js";
import type { MapInForce } from "../datapath/live.js";
import { SampleExplainer } from "../explain/index.js";

/** Of one map. @throws SpangateError MEMORY_EXHAUSTED, MAP_TOO_LARGE */
export function explainerFor({ config, origin }: MapInForce): Promise<SampleExplainer> {
  const { engine, config: offline } = offlineDelivery(config, 1);
  const options = { ...engine, ...engineOptions(config.decode, config.tunnel.ports) };
  return SampleExplainer.create({ config: offline, origin, engine: options });
}
