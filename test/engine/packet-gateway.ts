// An engine's thread between two AF_PACKET sockets of a kernel that is played: a ring of blocks that are handed over full, half full or
// empty, and a sendmmsg that takes some of the messages, none of them, or refuses one.

import { expect } from "vitest";
import * as at from "../../assembly/memory/layout.js";
import * as sockets from "../../assembly/memory/sockets.js";
import {
  Engine,
  type EngineOptions,
  EngineThread,
  enterMessages,
  enterPacketRing,
  QUANTUM,
} from "../../src/engine/index.js";
import type { CompiledMap } from "../../src/mapping/index.js";
import { expectConservation } from "./compare.js";

/** What the kernel keeps of a frame. */
export interface Arriving {
  readonly frame: Uint8Array;
  /** Bytes of it that were on the wire, when the kernel has cut it. */
  readonly length?: number;
  /** A tag that it has taken off. The protocol may not be known. */
  readonly tag?: { readonly control: number; readonly protocol?: number };
  readonly time?: bigint;
}

/** What the engine made of it. */
export interface Announced {
  readonly bytes: Uint8Array;
  readonly original: number;
  readonly time: bigint;
}

const STATUS = 8;
const FRAMES = 12;
const FIRST = 16;
const BLOCK_HEADER = 48;
const FRAME_HEADER = 48;
const MAC_OFFSET = 82;
const USER = 1;
const TAG_VALID = 1 << 4;
const TAG_PROTOCOL_VALID = 1 << 6;
/** Not where it really is: addresses must be what the engine made of both. */
const BASE = 0x7f00_0000_0000;

export class PacketGateway {
  /** What was sent, as it was when it was. */
  readonly wire: Uint8Array[] = [];
  readonly #ring: number;
  readonly #messages: number;
  readonly #blocks: { readonly address: number; readonly size: number; readonly count: number };
  #next = 0;

  private constructor(
    readonly engine: Engine,
    readonly thread: EngineThread,
    size: number,
    count: number,
  ) {
    const { memory } = engine;
    this.#blocks = { address: memory.allocate(size * count).address, size, count };
    const { address } = this.#blocks;
    memory.u8.fill(0xa5, address, address + size * count);
    for (let i = 0; i < count; i++) this.#set(address + i * size + STATUS, 0);
    this.#ring = enterPacketRing(memory, { address, blockSize: size, blocks: count });
    this.#messages = enterMessages(memory, BASE).address;
  }

  static async create(
    map: CompiledMap,
    { blockSize = 1 << 17, blocks = 4 } = {},
    options: Partial<EngineOptions> = {},
  ): Promise<PacketGateway> {
    const engine = await Engine.create(
      { memory: 96 * 2 ** 20, sessions: 64, queues: 64, ...options },
      "shared",
    );
    engine.replaceMap(map.image);
    return new PacketGateway(engine, await EngineThread.attach(engine.seat(0)), blockSize, blocks);
  }

  /** Hands a block over. False: it is not the kernel's, and the frames are lost. */
  arrive(frames: readonly Arriving[]): boolean {
    const { address, size, count } = this.#blocks;
    const block = address + this.#next * size;
    if (this.#word(block + STATUS) !== 0) return false;
    const { u8 } = this.engine.memory;
    let at = block + BLOCK_HEADER;
    for (const [i, { frame, length, tag, time = 0n }] of frames.entries()) {
      const end = at + MAC_OFFSET + frame.length;
      const next = (end + 7) & ~7;
      if (end > block + size) throw new Error("the frames do not fit into a block");
      u8.fill(0, at, at + FRAME_HEADER);
      this.#set(at, i === frames.length - 1 ? 0 : next - at);
      this.#set(at + 4, Number(time / 1_000_000_000n));
      this.#set(at + 8, Number(time % 1_000_000_000n));
      this.#set(at + 12, frame.length);
      this.#set(at + 16, length ?? frame.length);
      const known = tag?.protocol === undefined ? 0 : TAG_PROTOCOL_VALID;
      this.#set(at + 20, USER | (tag === undefined ? 0 : TAG_VALID | known));
      this.#set(at + 24, MAC_OFFSET);
      this.#set(at + 32, tag?.control ?? 0);
      this.#set(at + 36, tag?.protocol ?? 0);
      u8.set(frame, at + MAC_OFFSET);
      at = next;
    }
    this.#set(block + FRAMES, frames.length);
    this.#set(block + FIRST, BLOCK_HEADER);
    this.#set(block + STATUS, USER);
    this.#next = (this.#next + 1) % count;
    return true;
  }

  /** Blocks that the engine has not given back. */
  get held(): number {
    const { address, size, count } = this.#blocks;
    return Array.from({ length: count }, (_, i) => this.#word(address + i * size + STATUS)).filter(Boolean)
      .length;
  }

  /** What the engine announces in one round, before it is processed. */
  receive(): Announced[] {
    const count = this.thread.receivePackets(this.#ring);
    const { worker, memory } = this.engine;
    const announced = Array.from({ length: count }, (_, i): Announced => {
      const d = worker + at.DESCRIPTORS + i * at.DESCRIPTOR;
      const frame = this.#word(d + at.FRAME);
      return {
        bytes: memory.u8.slice(frame, frame + this.#word(d + at.CAPTURED)),
        original: this.#word(d + at.ORIGINAL),
        time: memory.u64[(d + at.TIME) >>> 3]!,
      };
    });
    if (count > 0) this.thread.process(count);
    return announced;
  }

  /**
   * One call of sendmmsg. `most`: what the interface takes now; `refuses`: what it never takes. Gives how many packets were done with,
   * and undefined when there is nothing to send.
   */
  transmit(most: number, refuses: (frame: Uint8Array) => boolean = () => false): number | undefined {
    const waiting = this.thread.prepareMessages(this.#messages, QUANTUM);
    if (waiting === 0) return undefined;
    let message = this.thread.nextMessage(this.#messages);
    let sent = 0;
    for (; sent < Math.min(most, waiting); sent++, message += sockets.MESSAGE_SIZE) {
      const frame = this.#frameOf(message);
      if (!refuses(frame)) this.wire.push(frame);
      else if (sent > 0) break;
      else return this.thread.settleMessages(this.#messages, 0, true);
    }
    return sent === 0 ? 0 : this.thread.settleMessages(this.#messages, sent, false);
  }

  #frameOf(message: number): Uint8Array {
    const { u64, u8 } = this.engine.memory;
    const words = message >>> 3;
    expect([...u64.subarray(words, words + 7)].filter((_, i) => i !== 2 && i !== 3)).toEqual([
      0n,
      0n,
      0n,
      0n,
      0n,
    ]);
    expect(u64[words + 3]).toBe(1n);
    const part = (Number(u64[words + 2]!) - BASE) >>> 3;
    const frame = Number(u64[part]!) - BASE;
    return u8.slice(frame, frame + Number(u64[part + 1]!));
  }

  check(): void {
    expectConservation(this.engine);
    for (const [name, { sentBytes: _, offered, ...fates }] of this.engine.queues.accounts()) {
      const sum = Object.values(fates).reduce((a, b) => a + b);
      if (sum !== offered) expect.fail(`${name} is out of balance: ${JSON.stringify({ offered, ...fates })}`);
    }
  }

  /** Nothing is left: every slot is free again. */
  expectEmpty(): void {
    const { slots } = this.engine;
    expect([this.thread.readyQueues, this.thread.inFlight, this.held]).toEqual([0, 0, 0]);
    expect([slots.free, slots.freeLarge]).toEqual([slots.count, slots.largeCount]);
  }

  #word(address: number): number {
    return this.engine.memory.u32[address >>> 2]!;
  }
  #set(address: number, value: number): void {
    this.engine.memory.u32[address >>> 2] = value;
  }
}
