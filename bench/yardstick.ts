// The engine against the same steps in C (bench/native), on the same frames, in turns of the same run: a base point, each axis varied
// from it, and what the project has set itself. Nothing comes of a scenario of which the two make different things.

import { EngineContender } from "./contender.js";
import { type Compiled, compileYardstick, Yardstick } from "./native.js";
import { type Contender, expectSameResults, race, type Scenario } from "./race.js";
import { BASE, type Setup, scenarioOf } from "./scenarios.js";
import { median, type Ratio, ratioOf } from "./table.js";
import { WORKLOADS } from "./workloads.js";

export const TURNS = 11;
/** Packets that a contender goes through in a turn. */
export const PACKETS = 65_536;

/** One scenario: nanoseconds a packet, medians over the turns. What C says is absent without a compiler. */
export interface YardstickResult {
  readonly axis: string;
  readonly value: string;
  readonly setup: Setup;
  /** The engine without its fast path. */
  readonly scalar: number;
  readonly fast: number;
  readonly onePass?: number;
  readonly twoPass?: number;
  /** The engine's packets a second over those of C: more is better. */
  readonly scalarOverOnePass?: Ratio;
  readonly scalarOverTwoPass?: Ratio;
  readonly fastOverOnePass?: Ratio;
  readonly fastOverTwoPass?: Ratio;
}

/** What a packet costs by contender, in nanoseconds, with few tenants and sniffers and with many. */
export interface GrowthResult {
  readonly contender: string;
  readonly few: number;
  readonly many: number;
  /** Less is better. */
  readonly manyOverFew: Ratio;
}

export interface YardstickResults {
  /** Absent: there is none here. */
  readonly compiler?: string;
  readonly rows: readonly YardstickResult[];
  readonly growth: readonly GrowthResult[];
}

interface Row {
  readonly axis: string;
  readonly value: string;
  readonly changes: Partial<Setup>;
}

const COLD: Partial<Setup> = { inFlight: 65_536, tenants: 1_000_000, sniffers: 10_000, flows: 0 };

const ROWS: readonly Row[] = [
  { axis: "base", value: "", changes: {} },
  ...WORKLOADS.filter(({ name }) => name !== BASE.encapsulation).map(({ name }) =>
    row("encapsulation", name, { encapsulation: name }),
  ),
  ...(["mac, tag", "ip", "vxlan", "vxlan, IPv6", "geneve", "gre", "erspan2", "erspan3"] as const).map(
    (deliver) => row("delivery", deliver, { deliver }),
  ),
  row("fan-out", "copy to 2", { each: 2, sniffers: 2000 }),
  row("fan-out", "balance over 4", { each: 4, sniffers: 4000, fanout: "balance" }),
  ...[64, 512, 1500].map((innerBytes) => row("bytes inside", `${innerBytes}`, { innerBytes })),
  ...[4096, 65_536].map((inFlight) => row("in flight", `${inFlight}`, { inFlight })),
  row("tenants", "100", { tenants: 100, sniffers: 100 }),
  row("tenants", "10000", { tenants: 10_000 }),
  row("tenants", "1000000", { tenants: 1_000_000 }),
  row("sniffers of 10000 tenants", "10", { tenants: 10_000, sniffers: 10 }),
  row("sniffers of 10000 tenants", "10000", { tenants: 10_000, sniffers: 10_000 }),
  row("1000000 tenants, all sending", "65536 in flight", COLD),
];

function row(axis: string, value: string, changes: Partial<Setup>): Row {
  return { axis, value, changes };
}

/** @param only axes; all of them when there are none */
export async function benchYardstick(only: readonly string[] = []): Promise<YardstickResults> {
  const compiled = compileYardstick();
  try {
    const rows: YardstickResult[] = [];
    for (const { axis, value, changes } of ROWS) {
      if (only.length > 0 && !only.includes(axis)) continue;
      rows.push({ axis, value, ...(await measure({ ...BASE, ...changes }, compiled)) });
    }
    const growth = await measureGrowth(compiled);
    return { ...(compiled === undefined ? {} : { compiler: compiled.compiler }), rows, growth };
  } finally {
    compiled?.remove();
  }
}

async function measure(
  setup: Setup,
  compiled: Compiled | undefined,
): Promise<Omit<YardstickResult, "axis" | "value">> {
  const scenario = scenarioOf(setup);
  const contenders = await contendersOf(scenario, compiled);
  try {
    await expectSameResults(contenders);
    const spent = await race(contenders, scenario, { turns: TURNS, packets: PACKETS });
    await expectSameResults(contenders);
    const [scalar, fast, onePass, twoPass] = spent as [number[], number[], number[]?, number[]?];
    const engines = { setup, scalar: median(scalar), fast: median(fast) };
    if (onePass === undefined || twoPass === undefined) return engines;
    return {
      ...engines,
      onePass: median(onePass),
      twoPass: median(twoPass),
      scalarOverOnePass: ratioOf(onePass, scalar),
      scalarOverTwoPass: ratioOf(twoPass, scalar),
      fastOverOnePass: ratioOf(onePass, fast),
      fastOverTwoPass: ratioOf(twoPass, fast),
    };
  } finally {
    for (const contender of contenders) contender.stop();
  }
}

/** The engine without and with its fast path, then C. */
async function contendersOf(scenario: Scenario, compiled: Compiled | undefined): Promise<Contender[]> {
  const contenders: Contender[] = [
    await EngineContender.create(scenario, false),
    await EngineContender.create(scenario, true),
  ];
  if (compiled !== undefined) {
    for (const passes of ["one-pass", "two-pass"] as const)
      contenders.push(await Yardstick.start(compiled, scenario, passes));
  }
  return contenders;
}

/** A working set of 1,000 sessions and flows, of few tenants and of many: the same contenders on both, in turn. */
async function measureGrowth(compiled: Compiled | undefined): Promise<GrowthResult[]> {
  const few = scenarioOf({ ...BASE, tenants: 100, identities: 1000, sniffers: 10 });
  const many = scenarioOf({ ...BASE, tenants: 1_000_000, sniffers: 10_000 });
  const ofFew = await contendersOf(few, compiled);
  const ofMany = await contendersOf(many, compiled);
  const all = [...ofFew, ...ofMany];
  try {
    await expectSameResults(ofFew);
    await expectSameResults(ofMany);
    const spent = await race(all, few, { turns: TURNS, packets: PACKETS });
    return ofFew.map(({ name }, i) => {
      const [atFew, atMany] = [spent[i]!, spent[ofFew.length + i]!];
      return {
        contender: name,
        few: median(atFew),
        many: median(atMany),
        manyOverFew: ratioOf(atMany, atFew),
      };
    });
  } finally {
    for (const contender of all) contender.stop();
  }
}
