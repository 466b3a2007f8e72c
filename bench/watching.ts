// What it costs to be watched: how long the main thread is kept by a look at the accounts of ten thousand sniffers and a hundred thousand
// mirror sessions, and what a packet costs while somebody looks at a tenant's.

import { setTimeout as sleep } from "node:timers/promises";
import { gatewayConfig } from "../src/config/schema.js";
import type { Controlled } from "../src/control/api.js";
import { Metrics } from "../src/control/metrics.js";
import { statusDocument } from "../src/control/status.js";
import {
  type LiveReadings,
  type LiveStatus,
  readNow,
  readStatus,
  sessionTables,
} from "../src/datapath/live-status.js";
import { Engine } from "../src/engine/index.js";
import { SpangateError } from "../src/errors.js";
import { compileMap } from "../src/mapping/index.js";
import { NO_LOSSES } from "../src/telemetry/losses.js";
import { EngineContender } from "./contender.js";
import { race } from "./race.js";
import { BASE, scenarioOf } from "./scenarios.js";
import { fixed, median, printTable, type Ratio, ratioOf, spread } from "./table.js";
import { BEHIND_IPV4, innerFrame, typeTwo } from "./workloads.js";

const SNIFFERS = 10_000;
const SESSIONS = 100_000;
const IDS = 1000; // of a source
const LOOKS = 20;
const TURNS = 15;
const PACKETS = 500_000;
/** Batches of 256 between two samples: ten a second at 250,000 packets a second. */
const BATCHES = 100;

export interface Look {
  readonly what: string;
  /** Milliseconds from question to answer, median. */
  readonly took: number;
  /** Milliseconds that the main thread did nothing else at a time: the longest of a look, median and most of all looks. */
  readonly pause: number;
  readonly longest: number;
  readonly bytes: number;
}

export interface WatchingResults {
  readonly looks: readonly Look[];
  /** A packet's time while a tenant is watched over its time otherwise: none of whose packets come, and that all are of. */
  readonly watched: { readonly name: string; readonly nanoseconds: number; readonly toUnwatched: Ratio }[];
}

export async function benchWatching(): Promise<WatchingResults> {
  const gateway = await crowdedGateway();
  const few = new Metrics(gateway);
  const all = new Metrics(gateway, 1_000_000);
  const status = async () => JSON.stringify(statusDocument(gateway.status(100)));
  const looks = [
    await look("/metrics, 10,000 series", () => few.read()),
    await look("/metrics, a series for each", () => all.read()),
    await look("/status", status),
  ];
  return { looks, watched: await watched() };
}

async function crowdedGateway(): Promise<Controlled> {
  const names = Array.from({ length: SNIFFERS }, (_, i) => i);
  const mac = (i: number) =>
    `02:00:00:01:${(i >> 8).toString(16).padStart(2, "0")}:${(i & 0xff).toString(16).padStart(2, "0")}`;
  const config = gatewayConfig.parse({
    sniffers: names.map((i) => ({ name: `s${i}`, deliver: "mac", mac: mac(i), queue: 16 })),
    tenants: names.map((i) => ({
      name: `t${i}`,
      sources: [{ encapsulation: "erspan", session: i % IDS, from: `10.77.${Math.floor(i / IDS)}.0/24` }],
      sniffers: [`s${i}`],
    })),
  });
  const { image, tenants } = compileMap(config, { delivery: "configured" });
  const engine = await Engine.create({ sessions: 1 << 18, queues: 2 * SNIFFERS });
  engine.replaceMap(image);
  fill(engine);
  const sources = {
    engine,
    kernel: NO_LOSSES,
    receive: "",
    send: "",
    seconds: 1,
    notes: [],
    map: { generation: 1, workers: [1] },
    tenants: new Map(tenants.map(({ name, sniffers }) => [name, sniffers])),
  };
  return {
    state: "running",
    status: (sessions: number): LiveStatus => readStatus(sources, sessions),
    readings: (): LiveReadings => readNow(sources),
    sessionTables: sessionTables(engine),
    get mapping(): never {
      throw new SpangateError("NOT_READY");
    },
  };
}

/** Two packets of each session, with a gap between. */
function fill(engine: Engine): void {
  const { batch, slots, deliveries } = engine;
  const { frame, sequence } = typeTwo(0, innerFrame(60));
  const view = new DataView(frame.buffer, frame.byteOffset);
  const length = frame.length;
  for (const number of [1, 3]) {
    for (let session = 0; session < SESSIONS; ) {
      for (; session < SESSIONS && batch.room > 0; session++) {
        const source = Math.floor(session / IDS);
        frame.set([10, 77, source % 10, Math.floor(source / 10)], 14 + 12);
        frame.fill(0, 14 + 10, 14 + 12);
        view.setUint16(14 + 10, checksum(view));
        view.setUint32(sequence!, number);
        view.setUint16(BEHIND_IPV4 + 8 + 2, session % IDS);
        const slot = slots.take(length);
        engine.memory.u8.set(frame, slots.address(slot));
        batch.pushSlot(slot, slots.address(slot), length, length, 0, 1, 1);
      }
      engine.process();
      while (deliveries.take() > 0) deliveries.settle();
      batch.clear();
    }
  }
  if (engine.sessions.count !== SESSIONS) throw new Error(`${engine.sessions.count} sessions`);
}

/** Of an IPv4 header of 20 bytes behind Ethernet. */
function checksum(view: DataView): number {
  let sum = 0;
  for (let i = 14; i < BEHIND_IPV4; i += 2) sum += view.getUint16(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

async function look(what: string, ask: () => Promise<string>): Promise<Look> {
  const took: number[] = [];
  const pauses: number[] = [];
  let bytes = 0;
  for (let i = -3; i < LOOKS; i++) {
    await sleep(20);
    const stall = new Stall();
    const begin = performance.now();
    bytes = (await ask()).length;
    const end = performance.now();
    const pause = stall.stop();
    if (i < 0) continue; // V8 has not compiled it yet
    took.push(end - begin);
    pauses.push(pause);
  }
  return { what, took: median(took), pause: median(pauses), longest: Math.max(...pauses), bytes };
}

/** The longest time between two turns of the event loop. */
class Stall {
  #last = performance.now();
  #longest = 0;
  #isOver = false;

  constructor() {
    const turn = () => {
      this.#note();
      if (!this.#isOver) setImmediate(turn);
    };
    setImmediate(turn);
  }

  #note(): void {
    const now = performance.now();
    this.#longest = Math.max(this.#longest, now - this.#last);
    this.#last = now;
  }

  stop(): number {
    this.#isOver = true;
    this.#note();
    return this.#longest;
  }
}

/** One tenant has every packet, so that what is copied is seen; and one of a thousand has none. */
async function watched(): Promise<WatchingResults["watched"]> {
  const rows: [string, typeof BASE, tenant: number][] = [
    ["1,000 tenants, one of them watched", BASE, 0],
    ["one tenant, watched", { ...BASE, tenants: 1, sniffers: 1 }, 0],
  ];
  const results: WatchingResults["watched"] = [];
  for (const [name, setup, tenant] of rows) {
    const scenario = scenarioOf(setup);
    let batches = 0;
    const contenders = [
      await EngineContender.withBefore("nobody is watched", scenario, () => {}),
      await EngineContender.withBefore(name, scenario, ({ samples, generation }) => {
        if (batches === 0) samples.watch(generation, tenant);
        if (batches++ % BATCHES !== 0) return;
        samples.take();
        samples.allow(1);
      }),
    ];
    const [without, times] = await race(contenders, scenario, { turns: TURNS, packets: PACKETS });
    for (const contender of contenders) contender.stop();
    results.push({ name, nanoseconds: median(times!), toUnwatched: ratioOf(times!, without!) });
  }
  return results;
}

export function printWatching({ looks, watched }: WatchingResults): void {
  printTable(
    `The main thread while it is asked: ${SNIFFERS} sniffers, ${SESSIONS} mirror sessions`,
    ["", "took", "pause", "longest pause", "answer"],
    looks.map(({ what, took, pause, longest, bytes }) => [
      what,
      `${fixed(took)} ms`,
      `${fixed(pause)} ms`,
      `${fixed(longest)} ms`,
      `${fixed(bytes / 1e6, 2)} MB`,
    ]),
  );
  printTable(
    "A packet while somebody looks at a tenant's",
    ["", "ns", "to nobody watched"],
    watched.map(({ name, nanoseconds, toUnwatched }) => [name, fixed(nanoseconds), spread(toUnwatched)]),
  );
}
