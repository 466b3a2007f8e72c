// An engine that delivers, in the ways a host can hand it frames. Memory around and behind frames is filled with 0xa5, so
// that a byte nobody wrote shows in what is delivered, and a byte written outside a lent frame shows in the filling.

import { expect } from "vitest";
import * as at from "../../assembly/memory/layout.js";
import { Engine, type EngineOptions, type Stretch, VERDICTS } from "../../src/engine/index.js";
import type { SnifferAccounts } from "../../src/engine/sniffer-accounts.js";
import { type Build, type EngineExports, instantiate, loadModule } from "../../src/engine/wasm.js";
import type { CompiledMap } from "../../src/mapping/index.js";
import type { SentPacket, Verdict } from "../reference/index.js";
import type { Frame } from "./harness.js";

/** How frames come into the engine. */
export type Way = keyof typeof WAYS;

const WAYS = {
  lent: { lent: true },
  copied: { lent: false },
  slots: { lent: false },
  "slots, settled at once": { lent: true },
  "full parser": { lent: false, fastPath: false },
} satisfies Record<string, Partial<EngineOptions>>;
export const ALL_WAYS = Object.keys(WAYS) as Way[];

const FILLING = 0xa5;
const GAP = 160;
const FILLED = 256;
const FILLED_LARGE = 16;

export class DeliveringEngine {
  #queues: ReadonlyMap<string, number>;
  #map: CompiledMap;
  readonly #into: Stretch;
  #arena: Stretch;

  private constructor(
    readonly engine: Engine,
    readonly way: Way,
    map: CompiledMap,
    /** A second instance on the same memory, as a sender has one. */
    private readonly sender: EngineExports,
  ) {
    this.#map = map;
    this.#queues = this.#numbers();
    this.#into = engine.allocate(4 * at.TAKEN_MAX);
    this.#arena = engine.allocate(300_000);
    // Slots are taken from the first on; later ones are not worth the time.
    const { count } = engine.slots;
    for (let i = 0; i < FILLED; i++) this.#fillSlot(i);
    for (let i = 0; i < FILLED_LARGE; i++) this.#fillSlot(count + i);
  }

  static async create(
    way: Way,
    map: CompiledMap,
    options: Partial<EngineOptions> = {},
    build: Build = "plain",
  ): Promise<DeliveringEngine> {
    const pool = { slots: 8192, largeSlots: 128, sessions: 4096, queues: 64 };
    const engine = await Engine.create({ ...pool, ...WAYS[way], ...options }, build);
    engine.replaceMap(map.image);
    const sender = await instantiate(await loadModule(build), engine.memory.memory);
    sender.attach(engine.worker, 0);
    return new DeliveringEngine(engine, way, map, sender);
  }

  /** Deliveries are taken before anything else is processed. */
  get settlesAtOnce(): boolean {
    return WAYS[this.way].lent;
  }

  replaceMap(map: CompiledMap): void {
    this.engine.replaceMap(map.image);
    this.#map = map;
    this.#queues = this.#numbers();
  }

  /** Numbers of the map's queues by name, as its records have them. */
  #numbers(): Map<string, number> {
    const { u32 } = this.engine.memory;
    const sniffers = u32[(u32[at.CONFIG_GENERATION >>> 2]! + at.MAP_SNIFFERS) >>> 2]!;
    const numberOf = (i: number) => u32[(sniffers + i * at.SNIFFER_SIZE + at.SNIFFER_QUEUE) >>> 2]!;
    return new Map(this.#map.image.queues.map(({ name }, i) => [name, numberOf(i)]));
  }

  /** Announces frames, as many as there is room for; gives how many. The deliveries of lent frames must be settled. */
  announce(frames: readonly Frame[]): number {
    const { engine } = this;
    engine.batch.clear();
    if (this.settlesAtOnce) this.#fillAssembled();
    const some = frames.slice(0, engine.batch.room);
    const isLent = this.way === "lent" || this.way === "copied";
    const size = some.reduce((sum, { frame }) => sum + frame.length + GAP, GAP);
    if (isLent && size > this.#arena.length) this.#arena = engine.allocate(size);
    if (isLent) this.#arena.bytes().fill(FILLING);
    let lent = this.#arena.address + GAP;
    for (const [i, { frame, originalLength, time, linkType }] of some.entries()) {
      const slot = isLent ? -1 : engine.slots.take(frame.length);
      if (!isLent && slot < 0) return i;
      if (!isLent) this.#fillSlot(slot);
      const address = isLent ? lent : engine.slots.address(slot);
      engine.memory.u8.set(frame, address);
      lent += frame.length + GAP;
      const [high, low] = [Number(time >> 32n), Number(time & 0xffff_ffffn)];
      if (isLent) engine.batch.push(address, frame.length, originalLength, high, low, linkType);
      else engine.batch.pushSlot(slot, address, frame.length, originalLength, high, low, linkType);
    }
    return some.length;
  }

  /** The area for datagrams, when what was delivered from there is gone. */
  #fillAssembled(): void {
    const area = this.#word(at.WORKER_ASSEMBLED);
    this.engine.memory.u8.fill(FILLING, area, area + this.#word(at.WORKER_ASSEMBLED_SIZE));
  }

  /** A slot that is free, or about to be used. */
  #fillSlot(slot: number): void {
    const { slots, memory } = this.engine;
    const start = slots.address(slot) - at.HEADROOM;
    memory.u8.fill(FILLING, start, start + (slot < slots.count ? at.SLOT_STRIDE : at.LARGE_STRIDE));
  }

  #word(field: number): number {
    return this.engine.memory.u32[(this.engine.worker + field) >>> 2]!;
  }

  /** Processes from descriptor `from`, and notes the verdict of each packet that is settled. Gives where it stopped. */
  process(from: number, verdicts: Map<number, string>): number {
    const { engine } = this;
    const { batch } = engine;
    const note = (packet: number, verdict: number, tenant = -1) => {
      if (verdicts.has(packet)) expect.fail(`packet ${packet} is settled twice`);
      const name = VERDICTS[verdict] as Verdict;
      verdicts.set(packet, name === "delivered" ? `${name} ${this.#map.tenants[tenant]?.name}` : name);
    };
    const to = engine.process(from);
    for (const { packet, verdict } of engine.settled()) note(packet, verdict);
    for (let i = from; i < to; i++) {
      if (batch.verdict(i) !== at.HELD) note(batch.packet(i), batch.verdict(i), batch.tenant(i));
    }
    return to;
  }

  /** Whether nothing was written between the frames announced. */
  expectOnlyFramesWritten(frames: readonly Frame[]): void {
    if (this.way !== "lent" && this.way !== "copied") return;
    let lent = this.#arena.address + GAP;
    const { u8 } = this.engine.memory;
    for (const { frame } of frames) {
      for (let i = lent - GAP; i < lent; i++)
        if (u8[i] !== FILLING) expect.fail(`${lent - i} before a frame`);
      lent += frame.length + GAP;
    }
  }

  /** The oldest packets of one sniffer, taken and sent as another thread would. */
  take(sniffer: string, count: number): SentPacket[] {
    const queue = this.#queues.get(sniffer)!;
    const packets: SentPacket[] = [];
    while (packets.length < count) {
      const most = Math.min(at.TAKEN_MAX, count - packets.length);
      const taken = this.sender.takeFrom(queue, most, this.#into.address);
      if (taken === 0) break;
      const records = this.engine.memory.u32.subarray(this.#into.address >>> 2);
      for (const entry of records.slice(0, taken)) {
        const record = this.#word(at.WORKER_RECORDS) + entry * at.RECORD_SIZE;
        packets.push(this.#packet(record));
        const slots = this.#slots(record);
        this.sender.settleFrom(queue, entry, 1);
        for (const slot of slots) this.#fillSlot(slot);
      }
    }
    return packets;
  }

  /** Everything that is queued, by sniffer, as the worker's own thread takes it. */
  drain(): Map<string, SentPacket[]> {
    const { deliveries } = this.engine;
    const taken = new Map<string, SentPacket[]>();
    while (deliveries.take() > 0) {
      const slots: number[] = [];
      for (let i = 0; i < deliveries.count; i++) {
        const record = deliveries.record(i);
        const sniffer = deliveries.sniffer(record);
        taken.set(sniffer, [...(taken.get(sniffer) ?? []), this.#packet(record)]);
        slots.push(...this.#slots(record));
      }
      deliveries.settle();
      for (const slot of slots) this.#fillSlot(slot);
    }
    return taken;
  }

  #packet(record: number): SentPacket {
    const { deliveries } = this.engine;
    const frames: Uint8Array[] = [];
    for (let piece = record; piece !== 0; piece = deliveries.next(piece)) {
      frames.push(deliveries.frame(piece).slice());
      if (deliveries.queue(piece) !== deliveries.queue(record)) expect.fail("a fragment of another queue");
    }
    return { frames, originalLength: deliveries.originalLength(record), time: deliveries.time(record) };
  }

  /** Slots of a packet and its fragments. */
  #slots(record: number): number[] {
    const { deliveries } = this.engine;
    const slots: number[] = [];
    for (let piece = record; piece !== 0; piece = deliveries.next(piece)) {
      const slot = deliveries.word(piece, at.RECORD_SLOT) | 0;
      if (slot !== at.NONE) slots.push(slot);
    }
    return slots;
  }

  /** A sniffer's account; none yet when it was never in a map. */
  account(sniffer: string): SnifferAccounts {
    return this.engine.queues.accounts().get(sniffer)!;
  }

  /** Free slots of either size. */
  freeSlots(): [number, number] {
    return [this.#word(at.WORKER_SLOTS_FREE), this.#word(at.WORKER_LARGE_FREE)];
  }
}
