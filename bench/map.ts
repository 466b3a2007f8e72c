// What a change of the tenant map costs: from the configuration to an image, from the image into memory, and the switch.

import * as at from "../assembly/memory/layout.js";
import { type GatewayConfig, gatewayConfig } from "../src/config/schema.js";
import { LinearMemory } from "../src/engine/memory.js";
import { MapStore } from "../src/engine/tenant-map.js";
import { instantiate, loadModule } from "../src/engine/wasm.js";
import { compileMap } from "../src/mapping/index.js";
import { fixed, median, printTable } from "./table.js";
import { mapConfiguration } from "./workloads.js";

const IDENTITIES = [1000, 100_000, 1_000_000];
const ROUNDS = 5;
const SWITCHES = 100_000;

/** One size of the map; each identity has a tenant of its own. */
export interface MapResult {
  readonly identities: number;
  readonly sniffers: number;
  /** From the configuration to the image: median. */
  readonly compileMilliseconds: number;
  /** From the image to the map in force, in memory that nobody has touched yet. */
  readonly firstMilliseconds: number;
  /** The same in the place of a former map: median. */
  readonly installMilliseconds: number;
  /** The store that workers see, of a map that is there. */
  readonly switchNanoseconds: number;
}

export async function benchMap(): Promise<MapResult[]> {
  const results: MapResult[] = [];
  for (const identities of IDENTITIES) {
    results.push(await measure(identities, withSniffers(identities, 4)));
    results.push(await measure(identities, withSniffers(identities, identities)));
  }
  return results;
}

async function measure(identities: number, config: GatewayConfig): Promise<MapResult> {
  const memory = new LinearMemory("plain");
  const exports = await instantiate(await loadModule("plain"), memory.memory);
  exports.attach(memory.allocate(at.WORKER_SIZE).address, 0);
  for (let i = 0; i < at.SEEDS; i++)
    memory.u64[(at.CONFIG_SEEDS >>> 3) + i] = 0x9e3779b97f4a7c15n * BigInt(2 * i + 1);
  let queues = 0;
  // Queues are left out: what they cost depends on their length.
  const store = new MapStore(memory, exports, { beginMap() {}, refuseMap() {}, number: () => queues++ });
  const compile: number[] = [];
  const install: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now();
    const { image } = compileMap(config, { delivery: "plain" });
    const compiled = performance.now();
    store.install(image);
    install.push(performance.now() - compiled);
    compile.push(compiled - begin);
  }
  return {
    identities,
    sniffers: config.sniffers.length,
    compileMilliseconds: median(compile),
    firstMilliseconds: install[0]!,
    installMilliseconds: median(install.slice(2)),
    switchNanoseconds: switchTime(memory, exports),
  };
}

function switchTime(memory: LinearMemory, exports: { publish(generation: number): void }): number {
  const generation = memory.u32[at.CONFIG_GENERATION >>> 2]!;
  const begin = performance.now();
  for (let i = 0; i < SWITCHES; i++) exports.publish(generation);
  return ((performance.now() - begin) * 1e6) / SWITCHES;
}

/** Tenants that share a few sniffers out among the first of them, or have a file each. */
function withSniffers(identities: number, count: number): GatewayConfig {
  const config = mapConfiguration(identities);
  const sniffers: GatewayConfig["sniffers"] = Array.from({ length: count }, (_, i) => ({
    name: `s${i}`,
    queue: 1024,
    overflow: "drop-newest",
    weight: 1,
  }));
  const tenants = config.tenants.map((tenant, t) => (t < count ? tenant : { ...tenant, sniffers: [] }));
  return { ...gatewayConfig.parse({}), sniffers, tenants };
}

export function printMap(results: readonly MapResult[]): void {
  const rows = results.map((row) => [
    row.identities.toLocaleString("en"),
    row.sniffers.toLocaleString("en"),
    fixed(row.compileMilliseconds),
    fixed(row.firstMilliseconds),
    fixed(row.installMilliseconds),
    fixed(row.switchNanoseconds),
  ]);
  printTable(
    "Tenant map, a tenant for each identity (installing: into fresh memory, and in the place of a former map)",
    ["identities", "sniffers", "compile ms", "first ms", "install ms", "switch ns"],
    rows,
  );
}
