// The engine against JavaScript with the decoders of cap, on the same frames: decoding with decoding, then all of it.

import { EngineContender } from "./contender.js";
import { JavaScriptRunner, type JavaScriptWork } from "./javascript.js";
import { type Runner, race, type Scenario } from "./race.js";
import { BASE, scenarioOf } from "./scenarios.js";
import { median, type Ratio, ratioOf } from "./table.js";
import { PACKETS, TURNS } from "./yardstick.js";

/** Nanoseconds a packet, medians over the turns. Without `cap` there is no figure for JavaScript. */
export interface JavaScriptResult {
  readonly work: JavaScriptWork;
  /** The engine without its fast path. */
  readonly scalar: number;
  readonly fast: number;
  readonly javaScript?: number;
  /** The engine's packets a second over those of JavaScript: more is better. */
  readonly scalarOverJavaScript?: Ratio;
  readonly fastOverJavaScript?: Ratio;
}

export async function benchJavaScript(): Promise<JavaScriptResult[]> {
  const whole = scenarioOf(BASE);
  const { image: _, ...withoutMap } = whole;
  return [await measure("decoding", withoutMap), await measure("decoding and delivery", whole)];
}

async function measure(work: JavaScriptWork, scenario: Scenario): Promise<JavaScriptResult> {
  const runners: Runner[] = [
    await EngineContender.create(scenario, false),
    await EngineContender.create(scenario, true),
  ];
  const runner = JavaScriptRunner.create(scenario, work);
  if (runner !== undefined) runners.push(runner);
  const spent = await race(runners, scenario, { turns: TURNS, packets: PACKETS });
  for (const each of runners) each.stop();
  const [scalar, fast, javaScript] = spent as [number[], number[], number[]?];
  const engines = { work, scalar: median(scalar), fast: median(fast) };
  if (javaScript === undefined) return engines;
  return {
    ...engines,
    javaScript: median(javaScript),
    scalarOverJavaScript: ratioOf(javaScript, scalar),
    fastOverJavaScript: ratioOf(javaScript, fast),
  };
}
