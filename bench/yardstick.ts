// The engine against the same steps in C (bench/native), on the same frames, in turns of the same run: a base point, each axis varied
// from it, and what the project has set itself. Nothing is printed of a scenario of which the two make different things.

import { EngineContender } from "./contender.js";
import { JavaScriptRunner } from "./javascript.js";
import { type Compiled, compileYardstick, type Passes, Yardstick } from "./native.js";
import { type Contender, expectSameResults, type Runner, race, type Scenario } from "./race.js";
import { BASE, type Setup, scenarioOf } from "./scenarios.js";
import { fixed, median, printTable } from "./table.js";
import { WORKLOADS } from "./workloads.js";

const TURNS = 11;
/** Packets that a contender goes through in a turn. */
const PACKETS = 65_536;

/** Time over time by turn: the median, and the middle half. */
export interface Ratio {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** One scenario. Nanoseconds a packet are medians over the turns; what C says is absent without a compiler. */
export interface YardstickResult {
  readonly axis: string;
  readonly value: string;
  readonly setup: Setup;
  readonly engine: number;
  readonly scalar: number;
  readonly onePass?: number;
  readonly twoPass?: number;
  readonly engineToOnePass?: Ratio;
  readonly engineToTwoPass?: Ratio;
  readonly scalarToOnePass?: Ratio;
}

/** Many tenants and sniffers over few, by contender. */
export interface GrowthResult {
  readonly contender: string;
  readonly few: number;
  readonly many: number;
  readonly manyToFew: Ratio;
}

/** Without `cap` there is no figure. */
export interface JavaScriptResult {
  readonly javaScript?: number;
  readonly engine: number;
  readonly javaScriptToEngine?: Ratio;
}

export interface YardstickResults {
  /** Absent: there is none here. */
  readonly compiler?: string;
  readonly rows: readonly YardstickResult[];
  readonly growth: readonly GrowthResult[];
  readonly javaScript: JavaScriptResult;
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
    const javaScript = await measureJavaScript();
    return { ...(compiled === undefined ? {} : { compiler: compiled.compiler }), rows, growth, javaScript };
  } finally {
    compiled?.remove();
  }
}

async function measure(
  setup: Setup,
  compiled: Compiled | undefined,
): Promise<Omit<YardstickResult, "axis" | "value">> {
  const scenario = scenarioOf(setup);
  const contenders = await contendersOf(scenario, compiled, ["one-pass", "two-pass"]);
  try {
    await expectSameResults(contenders);
    const spent = await race(contenders, scenario, { turns: TURNS, packets: PACKETS });
    await expectSameResults(contenders);
    const [scalar, engine, onePass, twoPass] = spent as [number[], number[], number[]?, number[]?];
    const engines = { setup, engine: median(engine), scalar: median(scalar) };
    if (onePass === undefined || twoPass === undefined) return engines;
    return {
      ...engines,
      onePass: median(onePass),
      twoPass: median(twoPass),
      engineToOnePass: ratio(engine, onePass),
      engineToTwoPass: ratio(engine, twoPass),
      scalarToOnePass: ratio(scalar, onePass),
    };
  } finally {
    for (const contender of contenders) contender.stop();
  }
}

/** The engine without and with its fast path, then C. */
async function contendersOf(
  scenario: Scenario,
  compiled: Compiled | undefined,
  shapes: readonly Passes[],
): Promise<Contender[]> {
  const contenders: Contender[] = [
    await EngineContender.create(scenario, false),
    await EngineContender.create(scenario, true),
  ];
  if (compiled !== undefined) {
    for (const passes of shapes) contenders.push(await Yardstick.start(compiled, scenario, passes));
  }
  return contenders;
}

/** A working set of 1,000 sessions and flows, of few tenants and of many: the same contenders on both, in turn. */
async function measureGrowth(compiled: Compiled | undefined): Promise<GrowthResult[]> {
  const few = scenarioOf({ ...BASE, tenants: 100, identities: 1000, sniffers: 10 });
  const many = scenarioOf({ ...BASE, tenants: 1_000_000, sniffers: 10_000 });
  const ofFew = await contendersOf(few, compiled, ["one-pass", "two-pass"]);
  const ofMany = await contendersOf(many, compiled, ["one-pass", "two-pass"]);
  const all = [...ofFew, ...ofMany];
  try {
    await expectSameResults(ofFew);
    await expectSameResults(ofMany);
    const spent = await race(all, few, { turns: TURNS, packets: PACKETS });
    return ofFew.map(({ name }, i) => {
      const [atFew, atMany] = [spent[i]!, spent[ofFew.length + i]!];
      return { contender: name, few: median(atFew), many: median(atMany), manyToFew: ratio(atMany, atFew) };
    });
  } finally {
    for (const contender of all) contender.stop();
  }
}

async function measureJavaScript(): Promise<JavaScriptResult> {
  const scenario = scenarioOf(BASE);
  const engine = await EngineContender.create(scenario, true);
  const javaScript = JavaScriptRunner.create(scenario);
  const runners: Runner[] = javaScript === undefined ? [engine] : [engine, javaScript];
  const [ofEngine, ofJavaScript] = await race(runners, scenario, { turns: TURNS, packets: PACKETS });
  engine.stop();
  const result = { engine: median(ofEngine!) };
  if (ofJavaScript === undefined) return result;
  return { ...result, javaScript: median(ofJavaScript), javaScriptToEngine: ratio(ofJavaScript, ofEngine!) };
}

function ratio(times: readonly number[], others: readonly number[]): Ratio {
  const sorted = times.map((time, i) => time / others[i]!).sort((a, b) => a - b);
  const quarter = sorted.length >> 2;
  return { median: median(sorted), low: sorted[quarter]!, high: sorted[sorted.length - 1 - quarter]! };
}

export function printYardstick({ compiler, rows, growth, javaScript }: YardstickResults): void {
  const time = (nanoseconds: number | undefined) =>
    nanoseconds === undefined ? "no compiler" : fixed(nanoseconds);
  printTable(
    `Decoding, tenant map and delivery, ns a packet (base: ${describeBase()}; C: ${compiler ?? "no compiler"}; ` +
      "ratios are medians of turns, with the middle half)",
    [
      "",
      "",
      "scalar",
      "engine",
      "C, one pass",
      "C, two",
      "scalar to one pass",
      "engine to one pass",
      "engine to two",
    ],
    rows.map((result) => [
      result.axis,
      result.value,
      fixed(result.scalar),
      fixed(result.engine),
      time(result.onePass),
      time(result.twoPass),
      spread(result.scalarToOnePass),
      spread(result.engineToOnePass),
      spread(result.engineToTwoPass),
    ]),
  );
  printTable(
    "1,000 flows, 256 frames in flight: 1,000,000 tenants and 10,000 sniffers against 100 and 10",
    ["", "few ns", "many ns", "many to few"],
    growth.map(({ contender, few, many, manyToFew }) => [
      contender,
      fixed(few),
      fixed(many),
      spread(manyToFew),
    ]),
  );
  printTable(
    "Against JavaScript with the decoders of cap (base; no check, no session, no queue)",
    ["JavaScript ns", "engine ns", "JavaScript to engine"],
    [
      [
        javaScript.javaScript === undefined ? "cap is not installed" : fixed(javaScript.javaScript),
        fixed(javaScript.engine),
        spread(javaScript.javaScriptToEngine),
      ],
    ],
  );
}

function describeBase(): string {
  const { encapsulation, deliver, innerBytes, inFlight, tenants, flows } = BASE;
  return `${encapsulation}, ${deliver}, ${innerBytes} bytes inside, ${inFlight} in flight, ${tenants} tenants, ${flows} flows`;
}

/** `1.24 (1.20 to 1.31)` */
function spread(ratio: Ratio | undefined): string {
  if (ratio === undefined) return "–";
  return `${fixed(ratio.median, 2)} (${fixed(ratio.low, 2)} to ${fixed(ratio.high, 2)})`;
}
