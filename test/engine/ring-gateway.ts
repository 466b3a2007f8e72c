// An engine's thread between two sockets of a kernel that is played: what `spangate run` does, a step at a time. After each step every slot
// is somebody's, once, and the accounts are in balance.

import { expect } from "vitest";
import * as at from "../../assembly/memory/layout.js";
import { Engine, type EngineOptions, EngineThread, QUANTUM, SlotPool } from "../../src/engine/index.js";
import type { CompiledMap } from "../../src/mapping/index.js";
import { expectConservation } from "./compare.js";
import { FakeKernel, KERNEL_HEADROOM, type KernelOptions } from "./fake-kernel.js";

/** A frame as the engine gets it. */
export interface Received {
  /** All of it, or what the first chunk has. */
  readonly captured: Uint8Array;
  readonly originalLength: number;
}

export class RingGateway {
  readonly kernel: FakeKernel;
  readonly #map: CompiledMap;
  /** Frames that wait in the receive ring. */
  readonly #arrived: { frame: Uint8Array; offset: number }[] = [];

  private constructor(
    readonly engine: Engine,
    readonly thread: EngineThread,
    map: CompiledMap,
    kernel: KernelOptions,
  ) {
    this.#map = map;
    this.kernel = new FakeKernel(engine, kernel);
  }

  static async create(map: CompiledMap, kernel: KernelOptions, options: Partial<EngineOptions> = {}) {
    const engine = await Engine.create(
      { memory: 96 * 2 ** 20, sessions: 256, queues: 64, ...options },
      "shared",
    );
    engine.replaceMap(map.image);
    return new RingGateway(engine, await EngineThread.attach(engine.seat(0)), map, kernel);
  }

  /** A frame comes, and lies in its chunks behind `offset`. False: the kernel has lost it. */
  arrive(frame: Uint8Array, offset = KERNEL_HEADROOM): boolean {
    const isReceived = this.kernel.receive(frame, offset);
    if (isReceived) this.#arrived.push({ frame, offset });
    return isReceived;
  }

  // ── what the loop does ──

  refill(): void {
    const { thread, kernel } = this;
    thread.refill(kernel.tunnel);
  }
  /** Gives the frames that were received; they are processed. What has several chunks is whole as long as there are large slots. */
  receive(time = 0n): Received[] {
    let large = this.engine.slots.freeLarge;
    const count = this.thread.receive(this.kernel.tunnel, Number(time));
    const received = this.#arrived.splice(0, count).map(({ frame, offset }): Received => {
      const isLong = frame.length > FakeKernel.room(offset);
      const most = !isLong ? frame.length : large-- > 0 ? SlotPool.LONGEST_LARGE : FakeKernel.room(offset);
      return { captured: frame.subarray(0, most), originalLength: frame.length };
    });
    expect(received.length).toBe(count);
    if (count > 0) this.thread.process(count);
    return received;
  }
  transmit(quantum = QUANTUM): number {
    return this.thread.transmit(this.kernel.delivery, quantum);
  }
  complete(): number {
    return this.thread.complete(this.kernel.delivery);
  }
  unsent(): number {
    return this.thread.unsent(this.kernel.delivery);
  }

  /** The rounds of the loop and of a kernel that hinders nothing, until nothing is left. */
  drain(): void {
    for (let rounds = 0; ; rounds++) {
      if (rounds > 10_000) throw new Error("it never ends");
      const completed = this.complete();
      this.refill();
      const received = this.receive().length;
      const sent = this.transmit();
      const moved = this.kernel.send() + this.kernel.complete();
      this.check();
      if (completed + received + sent + moved > 0) continue;
      expect([this.thread.readyQueues, this.thread.inFlight]).toEqual([0, 0]);
      return;
    }
  }

  // ── what holds after each step ──

  check(): void {
    this.#checkSlots();
    expectConservation(this.engine);
    const all = this.engine.queues.accounts();
    for (const [name, { sentBytes: _, offered, ...fates }] of all) {
      const sum = Object.values(fates).reduce((a, b) => a + b);
      if (sum !== offered) expect.fail(`${name} is out of balance: ${JSON.stringify({ offered, ...fates })}`);
      for (const [fate, count] of Object.entries(fates))
        if (count < 0) expect.fail(`${name}: ${count} ${fate}`);
    }
    expect(this.thread.inFlight).toBe(this.kernel.sending().length);
  }

  /** Every slot is free, the kernel's to receive into, or a packet's that waits or is sent. */
  #checkSlots(): void {
    const { slots } = this.engine;
    const owners = new Map<number, string>();
    const own = (slot: number, owner: string) => {
      const other = owners.get(slot);
      if (other !== undefined) expect.fail(`slot ${slot} is ${other} and ${owner}`);
      owners.set(slot, owner);
    };
    for (const slot of this.#stack(at.WORKER_SLOT_STACK, at.WORKER_SLOTS_FREE)) own(slot, "free");
    for (const slot of this.#stack(at.WORKER_LARGE_STACK, at.WORKER_LARGE_FREE)) own(slot, "free");
    for (const slot of this.kernel.receiving()) own(slot, "the kernel's");
    for (const record of this.#waiting()) for (const slot of this.#slotsOf(record)) own(slot, "queued");
    // A large slot has several pieces of its frame in the rings, and a packet several fragments there.
    const out = new Set<number>();
    for (const address of this.kernel.sending()) {
      const record = this.#word(
        this.#word(this.engine.worker + at.WORKER_SLOT_RECORDS) + 4 * this.#slotAt(address),
      );
      for (const slot of this.#slotsOf(record)) out.add(slot);
      expect(out.has(this.#slotAt(address))).toBe(true);
    }
    for (const slot of out) own(slot, "out");
    expect(owners.size, "slots that are anybody's").toBe(slots.count + slots.largeCount);
  }

  #stack(stack: number, level: number): Uint32Array {
    const { worker, memory } = this.engine;
    const first = this.#word(worker + stack) >>> 2;
    return memory.u32.subarray(first, first + this.#word(worker + level));
  }

  /** Records in queues, and those that were taken for a ring that was full then. */
  #waiting(): number[] {
    const { worker, queues } = this.engine;
    const records: number[] = [];
    for (const { name } of this.#map.image.queues) {
      const queue = this.#word(worker + at.WORKER_QUEUES) + queues.present(name)! * at.QUEUE_SIZE;
      const [first, end] = [this.#word(queue + at.QUEUE_SEEN), this.#word(queue + at.QUEUE_TAIL)];
      const far = this.#word(queue + at.QUEUE_RING);
      const mask = this.#word(queue + at.QUEUE_MASK);
      for (let place = first; place !== end; place++)
        records.push(
          this.#word(place < at.NEAR ? queue + at.QUEUE_NEAR + place * 4 : far + (place & mask) * 4),
        );
    }
    const taken = this.#word(worker + at.WORKER_TAKEN_COUNT);
    for (let i = this.#word(worker + at.WORKER_TAKEN_DONE); i < taken; i++)
      records.push(this.#word(worker + at.TAKEN + i * 4));
    return records;
  }

  #slotsOf(first: number): number[] {
    const slots: number[] = [];
    for (let record = first; record !== at.NONE >>> 0; ) {
      const entry = this.#word(this.engine.worker + at.WORKER_RECORDS) + record * at.RECORD_SIZE;
      slots.push(this.#word(entry + at.RECORD_SLOT));
      record = this.#word(entry + at.RECORD_NEXT);
    }
    return slots;
  }

  #slotAt(address: number): number {
    const { count } = this.engine.slots;
    const large = address - count * at.SLOT_STRIDE;
    return large < 0 ? Math.floor(address / at.SLOT_STRIDE) : count + Math.floor(large / at.LARGE_STRIDE);
  }

  #word(address: number): number {
    return this.engine.memory.u32[address >>> 2]!;
  }
}
