// `spangate decap`: one capture for each sniffer, after the tenant map. Frames are decapsulated, not rewritten.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { GatewayConfig } from "../config/schema.js";
import { Engine, type EngineOptions } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import { compileMap } from "../mapping/index.js";
import { CaptureSink, closeAll, type SinkOptions, shortcomings } from "./capture-sink.js";
import { runCaptures } from "./captures.js";
import { Comments } from "./comments.js";
import { DeliveryAccounts } from "./delivery-accounts.js";
import type { Progress, Report } from "./report.js";
import { TenantGroups } from "./tenant-groups.js";

const QUARANTINE_MODE = 0o600;

/** Whose packets to take out, and where to put them. */
export interface DecapRequest {
  /** Capture files; `-` is standard input. */
  readonly inputs: readonly string[];
  readonly config: GatewayConfig;
  readonly engine: Partial<EngineOptions>;
  /** Where `<sniffer>.pcapng` are written; made when it is not there. */
  readonly directory: string;
  /** Where unmapped packets go, as they came; `limit` in bytes. */
  readonly quarantine?: { readonly file: string; readonly limit: number };
  readonly comments: boolean;
  readonly onProgress?: (progress: Progress) => void;
}

/** Throws IO_FAILED when an output cannot be made; what breaks later is in the report. */
export async function decap(request: DecapRequest): Promise<Report> {
  const { config, quarantine } = request;
  const map = compileMap(config);
  const engine = await Engine.create(request.engine);
  engine.replaceMap(map.image);
  const comments = request.comments ? { comments: new Comments(engine) } : {};
  await makeDirectory(request.directory);
  const sinks = new Map<string, CaptureSink>();
  const opened: CaptureSink[] = [];
  const open = async (path: string, options: SinkOptions) => {
    const sink = await CaptureSink.create(engine, path, { ...options, ...comments });
    opened.push(sink);
    return sink;
  };
  try {
    for (const { sniffers, snaplen } of map.tenants) {
      for (const sniffer of sniffers) {
        const path = join(request.directory, `${sniffer}.pcapng`);
        sinks.set(sniffer, await open(path, snaplen === undefined ? {} : { snaplen }));
      }
    }
    const unmapped =
      quarantine && (await open(quarantine.file, { mode: QUARANTINE_MODE, limit: quarantine.limit }));
    const accounts = new DeliveryAccounts(engine, map.tenants);
    const groups = new TenantGroups(engine, map.tenants.length);
    const take = async (from: number, to: number) => {
      for (const { tenant, numbers, count } of groups.split(from, to)) {
        accounts.add(tenant, numbers, count);
        for (const sniffer of map.tenants[tenant]!.sniffers) await sinks.get(sniffer)!.add(numbers, count);
      }
      if (groups.unmappedCount > 0) await unmapped?.add(groups.unmapped, groups.unmappedCount);
    };
    const broken = await runCaptures(engine, request.inputs, take, request.onProgress);
    const unwritten = await closeAll(opened);
    const failure = broken ?? unwritten;
    return {
      counters: engine.counters(),
      sessions: [...engine.sessions],
      deliveries: accounts.deliveries(),
      files: opened.map((sink) => sink.written()),
      notices: [...notices(config), ...opened.flatMap(shortcomings)],
      ...(failure === undefined ? {} : { failure }),
    };
  } finally {
    await closeAll(opened); // those that an error left open
  }
}

/** What a live gateway does with this configuration and files do not show. */
function notices({ tenants, sniffers }: GatewayConfig): string[] {
  const list: string[] = [];
  const balanced = tenants.filter(({ fanout }) => fanout === "balance").map(({ name }) => name);
  if (balanced.length > 0) {
    list.push(
      `fanout: balance of ${balanced.join(", ")} is for live delivery; each sniffer's file has every packet`,
    );
  }
  if (tenants.some(({ rate }) => rate !== undefined) || sniffers.some(({ rate }) => rate !== undefined)) {
    list.push("rate is for live delivery; files have every packet");
  }
  return list;
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    throw new SpangateError("IO_FAILED", `${path}: cannot make this folder: ${(cause as Error).message}`, {
      cause,
    });
  }
}
