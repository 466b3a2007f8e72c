// What looking packets up costs with many tenants. What building their map costs: map.ts.

import { Bench } from "tinybench";
import { Engine, FrameSlots } from "../src/engine/index.js";
import { compileMap } from "../src/mapping/index.js";
import { fixed, printTable, rate } from "./table.js";
import { Rounds } from "./timing.js";
import {
  innerFrame,
  mapConfiguration,
  randomNumbers,
  SOURCES,
  VXLAN_VNI,
  vniOf,
  vxlanTemplate,
} from "./workloads.js";

const TENANTS = [100, 10_000, 1_000_000];
const FLOWS = 1000;
const IN_FLIGHT = 4096;
const MILLISECONDS = 400;
const INNER_BYTES = 64;

/** One size of the map. */
export interface LookupResult {
  readonly tenants: number;
  /** Sessions at random over all tenants. */
  readonly all: Lookup;
  /** Sessions at random over 1,000 of them. */
  readonly workingSet: Lookup;
}

/** Nanoseconds are of a whole packet: decoded, entered into its session, looked up. */
export interface Lookup {
  readonly nanoseconds: number;
  readonly packetsPerSecond: number;
  /** Time over that with 100 tenants. */
  readonly toSmallest: number;
}

export async function benchLookup(): Promise<LookupResult[]> {
  const results: LookupResult[] = [];
  for (const tenants of TENANTS) results.push(await measure(tenants, results[0]));
  return results;
}

async function measure(tenants: number, smallest: LookupResult | undefined): Promise<LookupResult> {
  const { image } = compileMap(mapConfiguration(tenants));
  // As many sessions as there are tenants, so that none goes untracked.
  const engine = await Engine.create({ sessions: Math.max(65_536, tenants) });
  engine.replaceMap(image);

  const slots = new FrameSlots(engine.memory, IN_FLIGHT);
  const random = randomNumbers();
  const anyOf = (count: number) => Math.floor((random() / 2 ** 32) * count);
  const flows = Uint32Array.from({ length: FLOWS }, () => anyOf(tenants));
  const bench = new Bench({ time: MILLISECONDS, warmupTime: MILLISECONDS, iterations: 16, throws: true });
  const over = (name: string, pick: () => number) => {
    const rounds = new Rounds(engine, slots, framesOf(pick));
    bench.add(name, () => ({ overriddenDuration: rounds.decode() }), { async: false });
  };
  over("all", () => anyOf(tenants));
  over("workingSet", () => flows[anyOf(FLOWS)]!);
  await bench.run();

  const { delivered, received } = engine.counters();
  if (delivered !== received)
    throw new Error(`${received - delivered} of ${received} packets found no tenant`);
  const lookup = (name: "all" | "workingSet"): Lookup => {
    const { result } = bench.getTask(name)!;
    if (!("latency" in result)) throw new Error(`${name} was not measured: ${result.state}`);
    const nanoseconds = (result.latency.p50 * 1e6) / IN_FLIGHT;
    const toSmallest = smallest === undefined ? 1 : nanoseconds / smallest[name].nanoseconds;
    return { nanoseconds, packetsPerSecond: 1e9 / nanoseconds, toSmallest };
  };
  return {
    tenants,
    all: lookup("all"),
    workingSet: lookup("workingSet"),
  };
}

function framesOf(pick: () => number) {
  const inner = innerFrame(INNER_BYTES);
  const templates = Array.from({ length: SOURCES }, (_, source) => vxlanTemplate(source, inner));
  return (memory: Uint8Array, address: number): number => {
    const tenant = pick();
    const frame = templates[tenant % SOURCES]!;
    memory.set(frame, address);
    const vni = vniOf(tenant);
    const place = address + VXLAN_VNI;
    memory[place] = vni >>> 16;
    memory[place + 1] = vni >>> 8;
    memory[place + 2] = vni;
    return frame.length;
  };
}

export function printLookup(results: readonly LookupResult[]): void {
  printTable(
    `Tenant map (VXLAN, ${INNER_BYTES} bytes inside, ${IN_FLIGHT} frames in flight; ns of decoding, session and lookup)`,
    ["tenants", "all: packets", "ns/packet", "to 100", `${FLOWS} flows: packets`, "ns/packet", "to 100"],
    results.map(({ tenants, all, workingSet }) => [
      `${tenants}`,
      rate(all.packetsPerSecond),
      fixed(all.nanoseconds),
      fixed(all.toSmallest, 2),
      rate(workingSet.packetsPerSecond),
      fixed(workingSet.nanoseconds),
      fixed(workingSet.toSmallest, 2),
    ]),
  );
}
