// `spangate decap`: one capture for each sniffer, after the tenant map. Frames are decapsulated and not rewritten, or as each
// sniffer's wire would carry them.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { GatewayConfig } from "../config/schema.js";
import { Engine, type EngineOptions } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import { type CompiledMap, compileMap } from "../mapping/index.js";
import { CaptureSink, closeAll, type SinkOptions, shortcomings } from "./capture-sink.js";
import { runCaptures, type Take } from "./captures.js";
import { Comments } from "./comments.js";
import { DeliveryAccounts } from "./delivery-accounts.js";
import { offlineDelivery } from "./offline-delivery.js";
import type { Delivery, Progress, Report } from "./report.js";
import { SnifferFiles } from "./sniffer-files.js";
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
  /** Files have what a sniffer's wire would carry: rewritten, chosen by `fanout`, within `rate`. */
  readonly asDelivered?: boolean;
  /** Where unmapped packets go, as they came; `limit` in bytes. */
  readonly quarantine?: { readonly file: string; readonly limit: number };
  /** Not with `asDelivered`. */
  readonly comments: boolean;
  readonly onProgress?: (progress: Progress) => void;
}

/** How the packets of a run come to their files. */
interface Way {
  readonly take: Take;
  deliveries(): Delivery[];
}

/** Throws IO_FAILED when an output cannot be made; what breaks later is in the report. */
export async function decap(request: DecapRequest): Promise<Report> {
  const { config, quarantine, asDelivered = false } = request;
  const offline = asDelivered ? offlineDelivery(config) : undefined;
  const map = compileMap(offline?.config ?? config, asDelivered ? { delivery: "configured" } : {});
  const engine = await Engine.create({ ...request.engine, ...offline?.engine });
  engine.replaceMap(map.image);
  const comments = request.comments ? { comments: new Comments(engine) } : {};
  await makeDirectory(request.directory);
  const opened: CaptureSink[] = [];
  const open = async (path: string, options: SinkOptions) => {
    const sink = await CaptureSink.create(engine, path, { ...options, ...comments });
    opened.push(sink);
    return sink;
  };
  try {
    const sinks = new Map<string, CaptureSink>();
    const rewritten = new Set(asDelivered ? config.sniffers.filter(isRewritten).map(({ name }) => name) : []);
    for (const { sniffers, snaplen } of map.tenants) {
      for (const sniffer of sniffers) {
        const path = join(request.directory, `${sniffer}.pcapng`);
        const options = { ...(snaplen === undefined ? {} : { snaplen }), rewritten: rewritten.has(sniffer) };
        sinks.set(sniffer, await open(path, options));
      }
    }
    const unmapped =
      quarantine && (await open(quarantine.file, { mode: QUARANTINE_MODE, limit: quarantine.limit }));
    const groups = new TenantGroups(engine, map.tenants.length);
    const way = asDelivered ? delivered(engine, map, sinks) : decapsulated(engine, map, sinks, groups);
    const take: Take = async (from, to) => {
      groups.split(from, to);
      await way.take(from, to);
      if (groups.unmappedCount > 0) await unmapped?.add(groups.unmapped, groups.unmappedCount);
    };
    const { inputs, onProgress } = request;
    const broken = await runCaptures(engine, inputs, take, onProgress, undefined, offline?.framesAtOnce);
    const unwritten = await closeAll(opened);
    const failure = broken ?? unwritten;
    return {
      counters: engine.counters(),
      sessions: [...engine.sessions],
      deliveries: way.deliveries(),
      ...(asDelivered ? { sniffers: engine.queues.accounts() } : {}),
      files: opened.map((sink) => sink.written()),
      notices: [...(asDelivered ? [] : notices(config)), ...opened.flatMap(shortcomings)],
      ...(failure === undefined ? {} : { failure }),
    };
  } finally {
    await closeAll(opened); // those that an error left open
  }
}

/** Every sniffer of a tenant gets its packets as they were decoded. */
function decapsulated(
  engine: Engine,
  { tenants }: CompiledMap,
  sinks: ReadonlyMap<string, CaptureSink>,
  groups: TenantGroups,
): Way {
  const accounts = new DeliveryAccounts(engine, tenants);
  return {
    take: async () => {
      for (const { tenant, numbers, count } of groups.groups) {
        accounts.add(tenant, numbers, count);
        for (const sniffer of tenants[tenant]!.sniffers) await sinks.get(sniffer)!.add(numbers, count);
      }
    },
    deliveries: () => accounts.deliveries(),
  };
}

/** The engine's queues say who gets what, and how it looks. */
function delivered(engine: Engine, map: CompiledMap, sinks: ReadonlyMap<string, CaptureSink>): Way {
  const files = new SnifferFiles(engine, sinks);
  return { take: () => files.drain(), deliveries: () => files.rows(map.tenants) };
}

function isRewritten({ deliver }: GatewayConfig["sniffers"][number]): boolean {
  return deliver !== undefined && deliver !== "pcap" && deliver !== "tap";
}

/** What a live gateway does with this configuration and decapsulated files do not show. */
function notices({ tenants, sniffers }: GatewayConfig): string[] {
  const list: string[] = [];
  const balanced = tenants.filter(({ fanout }) => fanout === "balance").map(({ name }) => name);
  if (balanced.length > 0) {
    list.push(
      `fanout: balance of ${balanced.join(", ")} is left aside: each sniffer's file has every packet (--as-delivered: its share)`,
    );
  }
  if (tenants.some(({ rate }) => rate !== undefined) || sniffers.some(({ rate }) => rate !== undefined)) {
    list.push("rate is left aside: files have every packet (--as-delivered: what it lets through)");
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
