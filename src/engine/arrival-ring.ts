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
    const { address, blockSize, blocks } = this.#ring;
    const { u32 } = this.#memory;
    const block = address + this.#next * blockSize;
    const status = (block + sockets.BLOCK_STATUS) >>> 2;
    if (first >= frames.length || Atomics.load(u32, status) !== sockets.BLOCK_KERNEL) return 0;
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
    u32[(block + sockets.BLOCK_FRAMES) >>> 2] = next - first;
    u32[(block + sockets.BLOCK_FIRST) >>> 2] = sockets.BLOCK_HEADER;
    Atomics.store(u32, status, sockets.BLOCK_USER);
    this.#next = (this.#next + 1) % blocks;
    return next - first;
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
