// What our own decoder makes of a capture from the laboratory: the yardstick of what a live gateway must deliver.

import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { parseConfig } from "../../src/config/load.js";
import { decap, type Report } from "../../src/datapath/index.js";
import { framesIn } from "./frames-in.js";
import type { Lab } from "./lab.js";

export interface Decapsulated {
  /** By sniffer. */
  readonly frames: ReadonlyMap<string, readonly Uint8Array[]>;
  readonly counters: Report["counters"];
  readonly sessions: Report["sessions"];
}

/** The frames that `spangate decap` gives each sniffer of a configuration. */
export async function decapsulated(lab: Lab, capture: string, yaml: string): Promise<Decapsulated> {
  const parsed = parseConfig(yaml, "gateway.yaml");
  if ("mistakes" in parsed) throw new Error(JSON.stringify(parsed.mistakes, undefined, 2));
  const directory = mkdtempSync(join(lab.directory, "decap-"));
  const { config } = parsed;
  const report = await decap({ inputs: [capture], config, engine: {}, directory, comments: false });
  if (report.failure !== undefined) throw report.failure;
  const frames = new Map<string, Uint8Array[]>();
  for (const { name } of config.sniffers) {
    frames.set(name, await framesIn(join(directory, `${name}.pcapng`)));
  }
  return { frames, counters: report.counters, sessions: report.sessions };
}
