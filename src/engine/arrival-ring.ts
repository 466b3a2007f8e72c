// A ring of arriving frames that the host fills, in the shape in which the kernel fills AF_PACKET's (TPACKET_V3): blocks that are handed
// over whole, and given back by the worker when all their frames are copied into slots.

import * as sockets from "../../assembly/memory/sockets.js";
import type { LinearMemory } from "./memory.js";
import { enterPacketRing, type PacketRing } from "./packet-port.js";

/** A frame as it comes from a network. Every frame that is read from a capture is one. */
export interface ArrivingFrame {
  /** The bytes that were captured; they are copied. */
  readonly data: Uint8Array;
  /** Bytes that were on the wire; as many as there are when absent. */
  readonly originalLength?: number;
  /** LINKTYPE_ number of the tcpdump registry; 1 (Ethernet) when absent. */
  readonly linkType?: number;
  /** A tag that stands beside the bytes: its TCI and its TPID. */
  readonly tag?: { readonly control: number; readonly protocol: number };
}

const ETHERNET = 1;
/** Frames begin at multiples of it. */
const ALIGNMENT = 8;
const NANOSECONDS = 1_000_000_000n;

/** When frames came, as the kernel has it. */
interface Instant {
  readonly seconds: number;
  readonly nanoseconds: number;
}

export class ArrivalRing {
  /** By which `EngineThread` knows it. */
  readonly address: number;
  readonly #memory: LinearMemory;
  readonly #ring: PacketRing;
  readonly #longest: number;
  #next = 0;
  /** Of a block that `append` is filling: where its next frame goes, and how many it has. */
  #end = 0;
  #count = 0;

  /** @param size `blockSize` in bytes, a multiple of 8: of a frame that is longer, less 96 of headers, the rest is cut off */
  constructor(memory: LinearMemory, size: Omit<PacketRing, "address">) {
    this.#memory = memory;
    this.#ring = { address: memory.allocate(size.blockSize * size.blocks).address, ...size };
    this.#longest = size.blockSize - sockets.BLOCK_HEADER - sockets.ARRIVED_HEADER;
    this.address = enterPacketRing(memory, this.#ring);
  }

  /**
   * Hands over a block with as many of `frames`, from place `first` on, as it takes. Gives how many; 0 when every block is the worker's.
   *
   * @param time when they came, in nanoseconds since 1970
   */
  push(frames: readonly ArrivingFrame[], first: number, time: bigint): number {
    const { blockSize } = this.#ring;
    const block = this.#block;
    const status = Atomics.load(this.#memory.u32, (block + sockets.BLOCK_STATUS) >>> 2);
    if (first >= frames.length || status !== sockets.BLOCK_KERNEL) return 0;
    const instant = { seconds: Number(time / NANOSECONDS), nanoseconds: Number(time % NANOSECONDS) };
    let header = block + sockets.BLOCK_HEADER;
    let next = first;
    for (; next < frames.length; next++) {
      const frame = frames[next]!;
      const captured = Math.min(frame.data.length, this.#longest);
      const length = Math.ceil((sockets.ARRIVED_HEADER + captured) / ALIGNMENT) * ALIGNMENT;
      if (header + length > block + blockSize) break;
      this.#write(header, length, frame, captured, instant);
      header += length;
    }
    this.#give(block, next - first);
    return next - first;
  }

  /**
   * Puts an Ethernet frame that lies in linear memory behind those that `handOver` gives the worker together. False: every block is the
   * worker's, and the frame is not taken. Makes no object.
   *
   * @param from offset of its first byte
   * @param length bytes of it; as many were on the wire
   * @param time when it came, in nanoseconds since 1970, to a quarter of a microsecond
   */
  append(from: number, length: number, time: number): boolean {
    const captured = Math.min(length, this.#longest);
    const taken = Math.ceil((sockets.ARRIVED_HEADER + captured) / ALIGNMENT) * ALIGNMENT;
    const { blockSize } = this.#ring;
    if (this.#count > 0 && this.#end + taken > this.#block + blockSize) this.handOver();
    const { u8, u32 } = this.#memory;
    const block = this.#block;
    if (this.#count === 0) {
      if (Atomics.load(u32, (block + sockets.BLOCK_STATUS) >>> 2) !== sockets.BLOCK_KERNEL) return false;
      this.#end = block + sockets.BLOCK_HEADER;
    }
    const header = this.#end;
    const at = header >>> 2;
    u32[at + sockets.ARRIVED_NEXT / 4] = taken;
    u32[at + sockets.ARRIVED_SECONDS / 4] = Math.floor(time / 1e9);
    u32[at + sockets.ARRIVED_NANOSECONDS / 4] = time % 1e9;
    u32[at + sockets.ARRIVED_CAPTURED / 4] = captured;
    u32[at + sockets.ARRIVED_LENGTH / 4] = length;
    u32[at + sockets.ARRIVED_STATUS / 4] = 0;
    u32[at + sockets.ARRIVED_BYTES / 4] = sockets.ARRIVED_HEADER;
    u32[at + sockets.ARRIVED_LINK_TYPE / 4] = 0;
    u8.copyWithin(header + sockets.ARRIVED_HEADER, from, from + captured);
    this.#end = header + taken;
    this.#count++;
    return true;
  }

  /** Gives the worker what was appended. Gives how many frames. */
  handOver(): number {
    const count = this.#count;
    if (count > 0) this.#give(this.#block, count);
    this.#count = 0;
    return count;
  }

  /** Frames that are appended and not handed over. */
  get waiting(): number {
    return this.#count;
  }

  /** Whether the worker has nothing left of what was handed over. */
  get isEmpty(): boolean {
    const { address, blockSize, blocks } = this.#ring;
    const last = address + ((this.#next + blocks - 1) % blocks) * blockSize;
    return Atomics.load(this.#memory.u32, (last + sockets.BLOCK_STATUS) >>> 2) === sockets.BLOCK_KERNEL;
  }

  /** Address of the block that is the next one to be handed over. */
  get #block(): number {
    return this.#ring.address + this.#next * this.#ring.blockSize;
  }

  #give(block: number, frames: number): void {
    const { u32 } = this.#memory;
    u32[(block + sockets.BLOCK_FRAMES) >>> 2] = frames;
    u32[(block + sockets.BLOCK_FIRST) >>> 2] = sockets.BLOCK_HEADER;
    Atomics.store(u32, (block + sockets.BLOCK_STATUS) >>> 2, sockets.BLOCK_USER);
    this.#next = (this.#next + 1) % this.#ring.blocks;
  }

  #write(header: number, length: number, frame: ArrivingFrame, captured: number, instant: Instant): void {
    const { data, originalLength = data.length, linkType = ETHERNET, tag } = frame;
    const { u8, u32 } = this.#memory;
    const set = (field: number, value: number) => {
      u32[(header + field) >>> 2] = value;
    };
    set(sockets.ARRIVED_NEXT, length);
    set(sockets.ARRIVED_SECONDS, instant.seconds);
    set(sockets.ARRIVED_NANOSECONDS, instant.nanoseconds);
    set(sockets.ARRIVED_CAPTURED, captured);
    set(sockets.ARRIVED_LENGTH, originalLength);
    set(
      sockets.ARRIVED_STATUS,
      tag === undefined ? 0 : sockets.ARRIVED_TAG | sockets.ARRIVED_TAG_PROTOCOL_VALID,
    );
    set(sockets.ARRIVED_BYTES, sockets.ARRIVED_HEADER);
    set(sockets.ARRIVED_TAG_CONTROL, tag?.control ?? 0);
    set(sockets.ARRIVED_TAG_PROTOCOL, tag?.protocol ?? 0);
    set(sockets.ARRIVED_LINK_TYPE, linkType ^ ETHERNET);
    u8.set(captured === data.length ? data : data.subarray(0, captured), header + sockets.ARRIVED_HEADER);
  }
}
