// What the yardsticks say, for people.

import type { JavaScriptResult } from "./javascript-yardstick.js";
import { BASE } from "./scenarios.js";
import { fixed, printTable, spread } from "./table.js";
import type { YardstickResults } from "./yardstick.js";

export function printYardstick({ compiler = "no compiler", rows, growth }: YardstickResults): void {
  const time = (nanoseconds: number | undefined) =>
    nanoseconds === undefined ? "no compiler" : fixed(nanoseconds);
  printTable(
    `Decoding, tenant map and delivery: ns a packet, and the engine's packets a second over those of C (base: ${describeBase()}; ` +
      `C: ${compiler}; medians of turns, with the middle half)`,
    [
      "",
      "",
      "scalar ns",
      "fast ns",
      "C, one pass",
      "C, two",
      "scalar / one pass",
      "scalar / two",
      "fast / one pass",
      "fast / two",
    ],
    rows.map((result) => [
      result.axis,
      result.value,
      fixed(result.scalar),
      fixed(result.fast),
      time(result.onePass),
      time(result.twoPass),
      spread(result.scalarOverOnePass),
      spread(result.scalarOverTwoPass),
      spread(result.fastOverOnePass),
      spread(result.fastOverTwoPass),
    ]),
  );
  printTable(
    "What a packet costs, 1,000 flows, 256 frames in flight: 1,000,000 tenants and 10,000 sniffers over 100 and 10",
    ["", "few ns", "many ns", "many / few"],
    growth.map(({ contender, few, many, manyOverFew }) => [
      contender,
      fixed(few),
      fixed(many),
      spread(manyOverFew),
    ]),
  );
}

export function printJavaScript(results: readonly JavaScriptResult[]): void {
  printTable(
    "Against JavaScript with the decoders of cap, base frames: ns a packet, and the engine's packets a second over those of JavaScript " +
      "(which has no check, no session, no queue)",
    ["", "scalar ns", "fast ns", "JavaScript ns", "scalar / JavaScript", "fast / JavaScript"],
    results.map(({ work, scalar, fast, javaScript, scalarOverJavaScript, fastOverJavaScript }) => [
      work,
      fixed(scalar),
      fixed(fast),
      javaScript === undefined ? "cap is not installed" : fixed(javaScript),
      spread(scalarOverJavaScript),
      spread(fastOverJavaScript),
    ]),
  );
}

function describeBase(): string {
  const { encapsulation, deliver, innerBytes, inFlight, tenants, flows } = BASE;
  return `${encapsulation}, ${deliver}, ${innerBytes} bytes inside, ${inFlight} in flight, ${tenants} tenants, ${flows} flows`;
}
