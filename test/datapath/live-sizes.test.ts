// What a live gateway sets aside: enough for what the configuration asks for, or a refusal that says which keys are too much.

import { expect, test } from "vitest";
import { parseConfig } from "../../src/config/load.js";
import type { LiveGatewayConfig } from "../../src/config/schema.js";
import { engineOptions } from "../../src/datapath/decode-options.js";
import { liveSizes } from "../../src/datapath/live-sizes.js";
import { Engine } from "../../src/engine/index.js";
import { compileMap } from "../../src/mapping/index.js";

const FILL = 4096;

function configOf({ queue = 1024, queues = 1, reassembly = "16MiB" }): LiveGatewayConfig {
  const text = JSON.stringify({
    tunnel: { interface: "eth0", addresses: ["192.0.2.2"], queues },
    decode: { reassembly: { memory: reassembly } },
    sniffers: [{ name: "ids", deliver: "mac", mac: "02:00:00:00:00:01", queue }],
    tenants: [{ name: "acme", sources: [{ encapsulation: "vxlan", vni: 1 }], sniffers: ["ids"] }],
  });
  const { config, mistakes } = parseConfig(text, "g.yaml", { live: true });
  expect(mistakes).toBeUndefined();
  return config as LiveGatewayConfig;
}

test.each([
  {},
  { queue: 65_536 },
  { queues: 2 },
  { queues: 16 },
  { reassembly: "1GiB" },
  { queues: 4, reassembly: "256MiB" },
])("there is room for %o", async (keys) => {
  const config = configOf(keys);
  const { queues: workers = 1, queue = 1024 } = keys as { queues?: number; queue?: number };
  const { receiveRing, transmitRing: _, ...sizes } = liveSizes(config, workers, undefined);
  expect(receiveRing).toBeGreaterThanOrEqual(FILL);
  // Beside what the kernel has, a queue alone comes to its limit: it may hold as much as is still free.
  expect(sizes.slots - receiveRing - sizes.reserved).toBeGreaterThanOrEqual(2 * queue);
  const options = { ...engineOptions(config.decode, config.tunnel.ports), ...sizes, workers, queues: 2 };
  const engine = await Engine.create(options, "shared");
  engine.replaceMap(compileMap(config, { delivery: "configured" }).image);
  // What AF_PACKET takes for each worker.
  for (let i = 0; i < workers; i++) engine.memory.allocate(8 * 2 ** 20);
});

test("more than there can be is refused, with the keys that say so", () => {
  const config = configOf({ queues: 8, reassembly: "1GiB" });
  expect(() => liveSizes(config, 8, undefined)).toThrow(
    /^8 workers \(tunnel\.queues\) of \d+ MiB, of which decode\.reassembly\.memory is 1024 MiB and the longest sniffers\[\]\.queue takes \d+ MiB, .* lower one of the three\.$/,
  );
});
