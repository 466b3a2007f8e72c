// Frames through the engine, results in the form of the reference's. Frames lie in slots whose surroundings are filled
// with a chosen pattern, so that a read outside a frame shows.

import * as at from "../../assembly/memory/layout.js";
import {
  DIRECTIONS,
  ENCAPSULATIONS,
  Engine,
  type EngineOptions,
  FrameSlots,
  type MapImage,
  VERDICTS,
} from "../../src/engine/index.js";
import type { ReferenceResult, Verdict } from "../reference/index.js";

export interface Frame {
  frame: Uint8Array;
  originalLength: number;
  time: bigint;
  linkType: number;
}

/** What became of a packet, and for which tenant of the map. */
export interface EngineSettled {
  packet: number;
  result: ReferenceResult;
}

/** What fills the memory around frames. */
export type Surroundings = (memory: Uint8Array) => void;

const SLOTS = 1024;
const ID_KINDS: Record<string, "session" | "key" | "vni"> = {
  erspan: "session",
  gre: "key",
  vxlan: "vni",
  "vxlan-gpe": "vni",
  geneve: "vni",
};

export class EngineHarness {
  readonly #slots: FrameSlots;
  readonly #surround: Surroundings;
  readonly #tenants: readonly string[];

  private constructor(
    readonly engine: Engine,
    surround: Surroundings,
    tenants: readonly string[],
  ) {
    this.#tenants = tenants;
    this.#slots = new FrameSlots(engine.memory, SLOTS);
    this.#surround = surround;
  }

  static async create(
    options: Partial<EngineOptions>,
    surround: Surroundings = (memory) => memory.fill(0xa5),
    map?: { image: MapImage; tenants: readonly { name: string }[] },
    build?: "plain" | "shared",
  ): Promise<EngineHarness> {
    const engine = await Engine.create(options, build);
    if (map !== undefined) engine.replaceMap(map.image);
    return new EngineHarness(engine, surround, map?.tenants.map(({ name }) => name) ?? []);
  }

  /** Processes frames in batches as full as they get. Settled packets in the order in which they were settled. */
  run(frames: readonly Frame[]): EngineSettled[] {
    const settled: EngineSettled[] = [];
    let next = 0;
    while (next < frames.length) {
      this.#surround(this.#slots.bytes());
      next = this.#fill(frames, next);
      this.#take(settled);
    }
    return settled;
  }

  finish(): EngineSettled[] {
    this.engine.flush();
    return this.#events();
  }

  #fill(frames: readonly Frame[], next: number): number {
    const { batch } = this.engine;
    batch.clear();
    for (let slot = 0; next < frames.length && batch.room > 0; next++) {
      const { frame, originalLength, time, linkType } = frames[next]!;
      if (slot + this.#slots.needed(frame.length) > SLOTS) break;
      this.#slots.write(slot, frame);
      const high = Number((time >> 32n) & 0xffff_ffffn);
      const low = Number(time & 0xffff_ffffn);
      batch.push(this.#slots.address(slot), frame.length, originalLength, high, low, linkType);
      slot += this.#slots.needed(frame.length);
    }
    return next;
  }

  #take(settled: EngineSettled[]): void {
    const { batch } = this.engine;
    for (let from = 0; from < batch.count; ) {
      const to = this.engine.process(from);
      settled.push(...this.#events());
      for (; from < to; from++) {
        if (batch.verdict(from) !== at.HELD)
          settled.push({ packet: batch.packet(from), result: this.#result(from) });
      }
    }
  }

  #events(): EngineSettled[] {
    const events: EngineSettled[] = [];
    for (const { packet, verdict } of this.engine.settled()) {
      events.push({ packet, result: { verdict: VERDICTS[verdict] as Verdict, layers: 0 } });
    }
    return events;
  }

  #result(i: number): ReferenceResult {
    const { batch } = this.engine;
    const verdict = VERDICTS[batch.verdict(i)] as Verdict;
    const layers = batch.byte(i, at.LAYERS);
    if (layers === 0) return { verdict, layers };
    const has = batch.word(i, at.HAS);
    const encapsulation = ENCAPSULATIONS[batch.byte(i, at.ENCAPSULATION)]!;
    const vlan = batch.outerVlan(i);
    const type = batch.byte(i, at.ERSPAN_TYPE) as 0 | 1 | 2 | 3;
    const direction = DIRECTIONS[batch.byte(i, at.DIRECTION)];
    const rule = batch.byte(i, at.RULE) as 0 | 1 | 2 | 3 | 4;
    return {
      verdict,
      layers,
      encapsulation,
      ...((has & at.HAS_ID) !== 0 ? { idKind: ID_KINDS[encapsulation]!, id: batch.word(i, at.ID) } : {}),
      ...((has & at.HAS_SEQUENCE) !== 0 ? { sequence: batch.word(i, at.SEQUENCE) } : {}),
      ...(type === 0 ? {} : { erspanType: type }),
      source: batch.source(i),
      destination: batch.destination(i),
      ...(vlan < 0 ? {} : { outerVlan: vlan }),
      ...(direction === undefined ? {} : { direction, hardwareId: batch.byte(i, at.HARDWARE_ID) }),
      inner: batch.inner(i).slice(),
      originalLength: batch.word(i, at.INNER_ORIGINAL),
      time: batch.time(i),
      synthetic: (has & at.HAS_SYNTHETIC) !== 0,
      restored: (has & at.HAS_RESTORED) !== 0,
      truncated: (has & at.HAS_TRUNCATED) !== 0,
      ...(rule === 0 ? {} : { rule }),
      ...(verdict === "delivered" && batch.tenant(i) >= 0 ? { tenant: this.#tenants[batch.tenant(i)]! } : {}),
    };
  }
}
