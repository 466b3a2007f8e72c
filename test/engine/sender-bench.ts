// A gateway's engine with workers and a sender, all in one thread: frames are received by hand.

import * as at from "../../assembly/memory/layout.js";
import { Engine, type EngineOptions, SenderThread } from "../../src/engine/index.js";
import { EngineThread } from "../../src/engine/thread.js";
import { type EngineExports, instantiate, loadModule } from "../../src/engine/wasm.js";
import { mapOf, mirrored, NUMBER_AT } from "./queue-gateway.js";

const POOL = { slots: 1024, reserved: 64, largeSlots: 4, sessions: 16, queues: 8 };
const threaded = () => true;

export class Bench {
  private constructor(
    readonly engine: Engine,
    readonly sender: SenderThread,
    readonly workers: readonly EngineThread[],
    /** Instances attached to each worker, as receivers'. */
    private readonly receivers: readonly EngineExports[],
  ) {}

  static async create(options: Partial<EngineOptions> = {}, map = mapOf([{ name: "a" }])): Promise<Bench> {
    const engine = await Engine.create({ ...POOL, threaded, ...options }, "shared");
    engine.replaceMap(map.image);
    const seats = engine.workers.map((_, i) => engine.seat(i));
    const workers = await Promise.all(seats.map((seat) => EngineThread.attach(seat)));
    const receivers = await Promise.all(
      seats.map(async ({ memory, block }) => {
        const exports = await instantiate(await loadModule("shared"), memory);
        exports.attach(block, 0);
        return exports;
      }),
    );
    return new Bench(engine, await SenderThread.attach(engine.senderSeat), workers, receivers);
  }

  queue(name = "a", notes = SenderThread.notes(this.engine.memory)) {
    return this.sender.queue(this.engine.queues.present(name)!, notes);
  }

  /** Worker `worker` receives these. */
  receive(frames: readonly Uint8Array[], worker = 0): void {
    const { memory, workers } = this.engine;
    const block = workers[worker]!;
    for (const [i, frame] of frames.entries()) {
      const slot = this.receivers[worker]!.takeSlot(0);
      const address = block.slots.address(slot);
      memory.u8.set(frame, address);
      const d = (block.address + at.DESCRIPTORS + i * at.DESCRIPTOR) >>> 2;
      const word = (field: number, value: number) => {
        memory.u32[d + field / 4] = value;
      };
      word(at.FRAME, address);
      word(at.CAPTURED, frame.length);
      word(at.ORIGINAL, frame.length);
      word(at.LINK_TYPE, 1);
      word(at.TIME, 7 + i);
      word(at.TIME + 4, 0);
      word(at.SLOT, slot);
      word(at.INTERFACE, 0);
      word(at.COMMENT_LENGTH, 0);
    }
    this.workers[worker]!.process(frames.length);
  }

  /** Numbers of the frames that wait, up to `count`. */
  numbers(queue: { address(i: number): number }, count: number): number[] {
    const view = new DataView(this.engine.memory.u8.buffer);
    return Array.from({ length: count }, (_, i) => view.getUint32(queue.address(i) + NUMBER_AT));
  }
}

export const frames = (count: number, first = 0, session = 0) =>
  Array.from({ length: count }, (_, i) => mirrored(session, first + i));
