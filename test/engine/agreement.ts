// Rows written for the reference hold for the engine too: a test file remembers what it asked the reference, and asks the
// engine the same at its end.

import { describe, expect, test } from "vitest";
import { DEFAULT_OPTIONS, type EngineOptions } from "../../src/engine/index.js";
import { DEFAULTS, type ReferenceOptions } from "../reference/index.js";
import { expectEqual } from "./compare.js";
import { EngineHarness, type Frame, type Surroundings } from "./harness.js";
import { compileReferenceMap } from "./reference-map.js";

/** Options of the reference in the engine's form; its map apart. */
export function engineOptions(options: Partial<ReferenceOptions>): Partial<EngineOptions> {
  const { time, filter, sessions, map: _, ports, ...decode } = options;
  return {
    decode: { ...DEFAULT_OPTIONS.decode, ...decode },
    ...(ports === undefined ? {} : { ports }),
    ...(time === undefined ? {} : { time }),
    ...(filter === undefined ? {} : { filter }),
    ...(sessions === undefined ? {} : { sessions }),
  };
}

/** An engine with the reference's options, or undefined when its map is none that a configuration can say. */
export async function harnessFor(
  options: Partial<ReferenceOptions>,
  surround?: Surroundings,
): Promise<EngineHarness | undefined> {
  const map = options.map && compileReferenceMap(options.map);
  if (options.map !== undefined && map === undefined) return undefined;
  return EngineHarness.create(engineOptions(options), surround, map);
}

const remembered: { options: Partial<ReferenceOptions>; frames: Frame[] }[] = [];

/** Remembers what the reference was asked. */
export function remember(options: Partial<ReferenceOptions>, frames: Frame[]): void {
  remembered.push({ options, frames });
}

/** To be called last in a test file. */
export function engineAgrees(): void {
  describe("the engine", () => {
    test("decides each of the cases above as the reference does", async () => {
      let compared = 0;
      for (const { options, frames } of remembered) {
        const harness = await harnessFor(options);
        if (harness === undefined) continue;
        expectEqual([harness], { ...DEFAULTS, ...options }, frames);
        compared++;
      }
      // A few maps of the reference's tests are refused by the configuration, such as prefixes of length 0.
      expect(compared).toBeGreaterThan(remembered.length * 0.9);
    });
  });
}
