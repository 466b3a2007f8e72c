// Captures explained within the test: files, or packets put together by hand.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseConfig } from "../../src/config/load.js";
import type { GatewayConfig } from "../../src/config/schema.js";
import { offlineDelivery } from "../../src/datapath/index.js";
import { DEFAULT_OPTIONS, type EngineOptions } from "../../src/engine/index.js";
import { type ExplainRequest, explain, type PacketRecord } from "../../src/explain/index.js";
import { type CompiledMap, compileMap } from "../../src/mapping/index.js";
import { pcap } from "../capture-builder.js";

/** Decoding that differs from the default. */
export function decoding(decode: Partial<EngineOptions["decode"]>): Partial<EngineOptions> {
  return { decode: { ...DEFAULT_OPTIONS.decode, ...decode } };
}

/** The tenant map of a gateway.yaml. */
export function mapOf(yaml: string): CompiledMap {
  return compileMap(configOf(yaml));
}

/** What a request needs so that sniffers of a gateway.yaml get something. */
export function deliveryOf(yaml: string): Required<Pick<ExplainRequest, "map" | "config" | "engine">> {
  const config = configOf(yaml);
  const { config: offline, engine } = offlineDelivery(config, 1);
  return { map: compileMap(offline, { delivery: "configured" }), config, engine };
}

export function configOf(yaml: string): GatewayConfig {
  const { config, mistakes } = parseConfig(yaml, "gateway.yaml");
  if (config === undefined) throw new Error(JSON.stringify(mistakes));
  return config;
}

/** All lines as `explain --json` prints them, read back, in the order of printing. */
export async function explainFile(
  input: string,
  request: Partial<ExplainRequest> = {},
): Promise<PacketRecord[]> {
  let text = "";
  const pieces = explain({ input, engine: {}, ...request }, (record) => `${JSON.stringify(record)}\n`);
  for await (const piece of pieces) text += piece;
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as PacketRecord);
}

/** Explains frames a millisecond apart, or at times given in milliseconds. */
export async function explainFrames(
  frames: readonly Uint8Array[],
  request: Partial<ExplainRequest> & { readonly times?: readonly number[]; readonly linkType?: number } = {},
): Promise<PacketRecord[]> {
  const folder = mkdtempSync(join(tmpdir(), "spangate-explain-"));
  try {
    const path = join(folder, "frames.pcap");
    const { times, linkType, ...rest } = request;
    const packets = frames.map((data, i) => ({ data, time: BigInt(times?.[i] ?? i) * 1_000_000n }));
    writeFileSync(path, pcap(packets, linkType === undefined ? {} : { linkType }));
    return await explainFile(path, rest);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
