// The other side of an AF_XDP socket's rings, in the linear memory of a shared engine (Documentation/networking/af_xdp.rst): it takes free
// chunks out of the fill ring, gives received frames, takes what is to be sent, and completes it. What breaks the rules is an error.

import * as at from "../../assembly/memory/layout.js";
import * as sockets from "../../assembly/memory/sockets.js";
import { type Engine, enterXdpSocket } from "../../src/engine/index.js";
import type { LinearMemory } from "../../src/engine/memory.js";
import type { SharedRing } from "../../src/engine/xdp-port.js";

/** In front of a received frame, when the interface asks for no more (XDP_PACKET_HEADROOM). */
export const KERNEL_HEADROOM = 256;
/** MAX_SKB_FRAGS + 1: what `xsk_build_skb` puts together. */
const MOST_PIECES = 18;
const FILLING = 0xa5;
const DESCRIPTOR_SIZE = 16;
const ADDRESS_SIZE = 8;

export type RingName = "rx" | "fill" | "tx" | "completion";
/** Entries of a ring, a power of two, and the position at which both sides begin. */
export type RingShapes = Readonly<Record<RingName, { size: number; start: number }>>;

/** One ring, as the kernel has it: it consumes one position, and writes the other. */
class KernelRing {
  readonly shared: SharedRing;
  readonly #memory: LinearMemory;
  readonly #entry: number;

  constructor(memory: LinearMemory, entry: number, { size, start }: RingShapes[RingName]) {
    this.#memory = memory;
    this.#entry = entry;
    const word = () => memory.allocate(64).address;
    const [producer, consumer, flags, entries] = [
      word(),
      word(),
      word(),
      memory.allocate(size * entry).address,
    ];
    this.shared = { producer, consumer, flags, entries, size };
    memory.u8.fill(FILLING, entries, entries + size * entry);
    this.producer = start;
    this.consumer = start;
  }

  get producer(): number {
    return this.#memory.u32[this.shared.producer >>> 2]!;
  }
  set producer(position: number) {
    this.#memory.u32[this.shared.producer >>> 2] = position;
  }
  get consumer(): number {
    return this.#memory.u32[this.shared.consumer >>> 2]!;
  }
  set consumer(position: number) {
    this.#memory.u32[this.shared.consumer >>> 2] = position;
  }
  set needsWakeup(needs: boolean) {
    this.#memory.u32[this.shared.flags >>> 2] = needs ? sockets.RING_NEED_WAKEUP : 0;
  }

  /** Entries between the two positions. */
  get waiting(): number {
    const waiting = (this.producer - this.consumer) >>> 0;
    if (waiting > this.shared.size) throw new Error(`${waiting} entries in a ring of ${this.shared.size}`);
    return waiting;
  }
  get room(): number {
    return this.shared.size - this.waiting;
  }
  /** Where entry `i` of those that wait stands. */
  at(i: number): number {
    return this.shared.entries + (((this.consumer + i) & (this.shared.size - 1)) >>> 0) * this.#entry;
  }
}

/** A packet that the kernel has taken and not completed. */
interface Sent {
  readonly pieces: { readonly address: number; readonly bytes: Uint8Array }[];
}

export type Telling = "always" | "sent" | "late";

export interface KernelOptions {
  readonly rings: RingShapes;
  /** Most bytes of a frame that the delivery interface takes. */
  readonly longest: number;
  /** Chunks that the driver has at hand. */
  readonly held?: number;
}

export class FakeKernel {
  /** By which `EngineThread` knows the socket that receives, and the one that sends. */
  readonly tunnel: number;
  readonly delivery: number;
  /** What went out, in order. */
  readonly wire: Uint8Array[] = [];
  /** Frames that it lost, as `XDP_STATISTICS` has them. */
  readonly lost = { ringFull: 0, noFrames: 0 };
  readonly rings: Readonly<Record<RingName, KernelRing>>;
  readonly #memory: LinearMemory;
  readonly #umem: number;
  readonly #umemLength: number;
  readonly #chunks: number;
  readonly #held: number;
  /** Chunks that it has out of the fill ring. */
  readonly #free: number[] = [];
  readonly #sent: Sent[] = [];
  #begun: Sent = { pieces: [] };
  /** Where `wake` is in the transmit ring, and up to where it has seen entries. */
  #looked: number;
  #known: number;

  constructor(engine: Engine, { rings, longest, held = 0 }: KernelOptions) {
    const { memory, slots } = engine;
    this.#memory = memory;
    this.#umem = slots.start;
    this.#umemLength = slots.length;
    this.#chunks = slots.count;
    this.#held = held;
    const rx = new KernelRing(memory, DESCRIPTOR_SIZE, rings.rx);
    const fill = new KernelRing(memory, ADDRESS_SIZE, rings.fill);
    const tx = new KernelRing(memory, DESCRIPTOR_SIZE, rings.tx);
    const completion = new KernelRing(memory, ADDRESS_SIZE, rings.completion);
    this.rings = { rx, fill, tx, completion };
    this.#looked = rings.tx.start;
    this.#known = rings.tx.start;
    tx.needsWakeup = true;
    this.tunnel = enterXdpSocket(memory, { rx: rx.shared, fill: fill.shared }, longest);
    this.delivery = enterXdpSocket(memory, { tx: tx.shared, completion: completion.shared }, longest);
    this.#begin(this.tunnel + sockets.XDP_RX, rings.rx.start);
    this.#begin(this.tunnel + sockets.XDP_FILL, rings.fill.start);
    this.#begin(this.delivery + sockets.XDP_TX, rings.tx.start);
    this.#begin(this.delivery + sockets.XDP_COMPLETION, rings.completion.start);
    memory.u32[(this.delivery + sockets.XDP_LOOKED) >>> 2] = rings.tx.start;
  }

  /** A socket that has passed so many frames already. */
  #begin(ring: number, position: number): void {
    this.#memory.u32[(ring + sockets.RING_POSITION) >>> 2] = position;
    this.#memory.u32[(ring + sockets.RING_SEEN) >>> 2] = position;
  }

  // ── receive ──

  /** Bytes of a frame that a chunk takes behind `offset`. */
  static room(offset = KERNEL_HEADROOM): number {
    return at.SLOT_STRIDE - offset;
  }

  /** Takes chunks out of the fill ring until it has `most`: as a driver does for its own ring, or as few as a frame takes. */
  takeFill(most: number): void {
    const { fill } = this.rings;
    while (this.#free.length < most && fill.waiting > 0) {
      this.#free.push(this.#chunkOf(this.#long(fill.at(0))));
      fill.consumer = fill.consumer + 1;
    }
  }

  #chunkOf(address: bigint): number {
    const chunk = Number(address) / at.SLOT_STRIDE;
    if (!Number.isInteger(chunk) || chunk >= this.#chunks) throw new Error(`${address} is no chunk`);
    return chunk;
  }

  /** A frame has come. False: it is lost. */
  receive(frame: Uint8Array, offset = KERNEL_HEADROOM): boolean {
    const { rx } = this.rings;
    const room = FakeKernel.room(offset);
    const chunks = Math.ceil(frame.length / room);
    this.takeFill(Math.max(chunks, this.#held));
    if (rx.room < chunks) {
      this.lost.ringFull++;
      return false;
    }
    if (this.#free.length < chunks) {
      this.lost.noFrames++;
      return false;
    }
    for (let i = 0; i < chunks; i++) {
      const piece = frame.subarray(i * room, (i + 1) * room);
      const base = this.#free.shift()! * at.SLOT_STRIDE;
      const { u8, u32, u64 } = this.#memory;
      u8.fill(FILLING, this.#umem + base, this.#umem + base + at.SLOT_STRIDE);
      u8.set(piece, this.#umem + base + offset);
      const entry = rx.at(rx.waiting);
      u64[entry >>> 3] = BigInt(base) | (BigInt(offset) << 48n);
      u32[(entry + 8) >>> 2] = piece.length;
      u32[(entry + 12) >>> 2] = i + 1 < chunks ? sockets.XDP_CONTINUES : 0;
      rx.producer = rx.producer + 1;
    }
    return true;
  }

  // ── send ──

  /** Takes up to `most` entries to send, as many as there is room to complete. Gives how many. */
  send(most = Infinity): number {
    const { tx, completion } = this.rings;
    let count = 0;
    while (count < most && tx.waiting > 0 && this.#uncompleted() < completion.room) {
      const packet = this.#take(tx.at(0));
      tx.consumer = tx.consumer + 1;
      this.#looked = this.#known = tx.consumer;
      count++;
      if (packet !== undefined) this.wire.push(packet);
    }
    return count;
  }

  /**
   * A system call to send, as `__xsk_generic_xmit` (net/xdp/xsk.c) does it: a packet that is dropped completes as all do, and ends the
   * call. True: it says so (EBUSY). Where it is in the ring it tells when it has come to the end of what it knew of (Linux 6.1); or also
   * at the end of a call that `sent` something; or of each (6.18).
   */
  wake(isDropped: (packet: Uint8Array) => boolean, tells: Telling): boolean {
    const { tx } = this.rings;
    let hasSent = false;
    let isBusy = false;
    while (!isBusy) {
      if (this.#looked === this.#known) {
        tx.consumer = this.#looked;
        this.#known = tx.producer;
        if (this.#looked === this.#known) break;
      }
      const packet = this.#take(tx.at((this.#looked - tx.consumer) >>> 0));
      this.#looked = (this.#looked + 1) >>> 0;
      if (packet === undefined) continue;
      isBusy = isDropped(packet);
      if (isBusy) continue;
      this.wire.push(packet);
      hasSent = true;
    }
    if (tells === "always" || (tells === "sent" && hasSent)) tx.consumer = this.#looked;
    return isBusy;
  }

  /** An entry. Gives the packet of which it is the last. */
  #take(entry: number): Uint8Array | undefined {
    const address = Number(this.#long(entry));
    const [length, options] = [this.#word(entry + 8), this.#word(entry + 12)];
    // xp_unaligned_validate_desc
    if (length === 0 || length > at.SLOT_STRIDE) throw new Error(`an entry of ${length} bytes`);
    if (address + length > this.#umemLength) throw new Error(`an entry at ${address}, behind all frames`);
    if ((options & ~sockets.XDP_CONTINUES) !== 0) throw new Error(`options ${options}`);
    const start = this.#umem + address;
    this.#begun.pieces.push({ address, bytes: this.#memory.u8.slice(start, start + length) });
    if (this.#begun.pieces.length > MOST_PIECES) throw new Error("a frame of too many pieces");
    if (options !== 0) return undefined;
    const packet = Buffer.concat(this.#begun.pieces.map(({ bytes }) => bytes));
    this.#sent.push(this.#begun);
    this.#begun = { pieces: [] };
    return packet;
  }

  #uncompleted(): number {
    return [...this.#sent, this.#begun].reduce((sum, { pieces }) => sum + pieces.length, 0);
  }

  /** Completes up to `most` packets, in the order that `choose` (a number below the one given) says. Their frames must be as they were. */
  complete(most = Infinity, choose: (count: number) => number = () => 0): number {
    const { completion } = this.rings;
    let count = 0;
    for (; count < most && this.#sent.length > 0; count++) {
      const [{ pieces }] = this.#sent.splice(choose(this.#sent.length), 1) as [Sent];
      for (const { address, bytes } of pieces) {
        const now = this.#memory.u8.subarray(this.#umem + address, this.#umem + address + bytes.length);
        if (Buffer.compare(now, bytes) !== 0) throw new Error("a frame was written to while it was sent");
        this.#memory.u64[completion.at(completion.waiting) >>> 3] = BigInt(address);
        completion.producer = completion.producer + 1;
      }
    }
    return count;
  }

  // ── whose each slot is ──

  /** Chunks that the kernel has, or that wait in a ring to be received into or to be processed; one that is there twice is so here. */
  receiving(): number[] {
    const { fill, rx } = this.rings;
    const filled = Array.from({ length: fill.waiting }, (_, i) => this.#chunkOf(this.#long(fill.at(i))));
    const received = Array.from({ length: rx.waiting }, (_, i) =>
      this.#chunkOf(this.#long(rx.at(i)) & 0xffff_ffff_ffffn),
    );
    return [...filled, ...this.#free, ...received];
  }

  /** Addresses of what is in the transmit ring, taken from it, or completed and not yet seen. */
  sending(): number[] {
    const { tx, completion } = this.rings;
    const passed = (this.#looked - tx.consumer) >>> 0;
    const ready = Array.from({ length: tx.waiting - passed }, (_, i) =>
      Number(this.#long(tx.at(passed + i))),
    );
    const done = Array.from({ length: completion.waiting }, (_, i) => Number(this.#long(completion.at(i))));
    const taken = [...this.#sent, this.#begun].flatMap(({ pieces }) => pieces.map(({ address }) => address));
    return [...ready, ...taken, ...done];
  }

  #word(address: number): number {
    return this.#memory.u32[address >>> 2]!;
  }
  #long(address: number): bigint {
    return this.#memory.u64[address >>> 3]!;
  }
}
