// AF_XDP sockets (Documentation/networking/af_xdp.rst, include/uapi/linux/if_xdp.h): frame memory registered with the kernel, and the
// rings by which frames pass, mapped into linear memory.

import { constants } from "node:os";
import { whileBusy } from "./busy.js";
import { close } from "./descriptor.js";
import { check, errno, libc } from "./libc.js";
import { mapOver, PAGE, unmapOver } from "./memory-map.js";
import { u32 } from "./netlink-message.js";
import { MSG_DONTWAIT, openSocket, SOCK_RAW } from "./socket.js";

const AF_XDP = 44;
const SOL_XDP = 283;
const XDP_MMAP_OFFSETS = 1;
const XDP_RX_RING = 2;
const XDP_TX_RING = 3;
const XDP_UMEM_REG = 4;
const XDP_UMEM_FILL_RING = 5;
const XDP_UMEM_COMPLETION_RING = 6;
const XDP_STATISTICS = 7;
const XDP_MAX_TX_SKB_BUDGET = 9;
const XDP_UMEM_UNALIGNED_CHUNKS = 1;
const XDP_SHARED_UMEM = 1;
/**
 * The kernel copies. A driver that writes to the frames itself (zero-copy) refuses every one that lies over two pages which are not
 * adjacent for it (xp_check_unaligned), and so half of ours; what it refuses never comes back. It takes huge pages, or chunks of a
 * page; and its fill ring may want waking (xsk_set_rx_need_wakeup), which the kernel's own copying never asks for.
 */
const XDP_COPY = 2;
const XDP_USE_NEED_WAKEUP = 8;
const XDP_USE_SG = 16;
/** Where in the file each ring is, and its place in XDP_MMAP_OFFSETS. */
const RINGS = {
  rx: { option: XDP_RX_RING, page: 0, place: 0, entry: 16 },
  tx: { option: XDP_TX_RING, page: 0x80000000, place: 1, entry: 16 },
  fill: { option: XDP_UMEM_FILL_RING, page: 0x100000000, place: 2, entry: 8 },
  completion: { option: XDP_UMEM_COMPLETION_RING, page: 0x180000000, place: 3, entry: 8 },
} as const;
/** A socket that was closed this moment keeps its queue until the kernel has let go of its rings: some 16 ms. */
const BIND_PATIENCE = 1000;
/** A socket always has a fill ring and a completion ring: the entries of one that it has no use for. */
const MINIMAL_RING = 64;

export type RingName = keyof typeof RINGS;

/** Linear memory as the kernel sees it. */
export interface FrameMemory {
  /** Address in this process of what has offset 0 in linear memory. */
  readonly base: number;
  /** Offset of the frames, whole pages, and their bytes. */
  readonly umem: number;
  readonly length: number;
  /** Bytes from one frame to the next. */
  readonly chunk: number;
  /** Bytes that a received frame leaves free beyond the kernel's own 256. */
  readonly headroom: number;
  /** Hands out whole pages of linear memory. Gives the offset. */
  allocatePages(length: number): number;
}

/** Where the parts of a mapped ring lie in linear memory. */
export interface MappedRing {
  readonly producer: number;
  readonly consumer: number;
  readonly flags: number;
  readonly entries: number;
  /** Number of entries, a power of two. */
  readonly size: number;
}

export interface XdpSocketOptions {
  readonly interfaceIndex: number;
  /** For messages. */
  readonly interfaceName: string;
  readonly queue: number;
  /** Entries of each ring that the socket is to have, powers of two. The others are not there; fill and completion ring are as small as can be. */
  readonly rx?: number;
  readonly tx?: number;
  readonly fill?: number;
  readonly completion?: number;
  /** Frames of several chunks. */
  readonly jumbo: boolean;
}

/** What the kernel lost. Packets. */
export interface XdpStatistics {
  /** Of any cause but a full ring: too long for a chunk, above all. */
  readonly dropped: number;
  readonly ringFull: number;
  readonly fillRingEmpty: number;
}

export class XdpSocket {
  readonly fd: number;
  readonly rings: Partial<Record<RingName, MappedRing>> = {};
  readonly #memory: FrameMemory;
  readonly #mapped: { address: number; length: number }[] = [];
  readonly #options: XdpSocketOptions;
  readonly #shared: XdpSocket | undefined;

  private constructor(memory: FrameMemory, options: XdpSocketOptions, shared: XdpSocket | undefined) {
    this.#memory = memory;
    this.#shared = shared;
    this.#options = { fill: MINIMAL_RING, completion: MINIMAL_RING, ...options };
    this.fd = openSocket(AF_XDP, SOCK_RAW, 0, "open an AF_XDP socket");
  }

  /**
   * A socket of `memory`, with its rings. It has no queue before `bind`.
   *
   * @param shared another socket of the same memory, on another interface or queue
   * @throws SpangateError NOT_PERMITTED without CAP_NET_RAW, SYSTEM_CALL
   */
  static make(memory: FrameMemory, options: XdpSocketOptions, shared?: XdpSocket): XdpSocket {
    const socket = new XdpSocket(memory, options, shared);
    try {
      if (shared === undefined) socket.#register();
      socket.#makeRings();
    } catch (error) {
      socket.close();
      throw error;
    }
    return socket;
  }

  get #where(): string {
    return `queue ${this.#options.queue} of ${this.#options.interfaceName}`;
  }

  #set(option: number, value: Uint8Array, about: string): void {
    check(libc.setsockopt(this.fd, SOL_XDP, option, value, value.length), "setsockopt", about);
  }

  #register(): void {
    const view = new DataView(new ArrayBuffer(32));
    view.setBigUint64(0, BigInt(this.#memory.base + this.#memory.umem), true);
    view.setBigUint64(8, BigInt(this.#memory.length), true);
    view.setUint32(16, this.#memory.chunk, true);
    view.setUint32(20, this.#memory.headroom, true);
    view.setUint32(24, XDP_UMEM_UNALIGNED_CHUNKS, true);
    this.#set(XDP_UMEM_REG, new Uint8Array(view.buffer), "register frame memory with the kernel");
  }

  #makeRings(): void {
    const wanted = Object.keys(RINGS).filter(
      (name): name is RingName => this.#options[name as RingName] !== undefined,
    );
    for (const name of wanted) {
      this.#set(RINGS[name].option, u32(this.#options[name]!), `make the ${name} ring of ${this.#where}`);
    }
    const offsets = new Uint8Array(128);
    const about = `learn where the rings of ${this.#where} are`;
    check(libc.getsockopt(this.fd, SOL_XDP, XDP_MMAP_OFFSETS, offsets, u32(128)), "getsockopt", about);
    const view = new DataView(offsets.buffer);
    for (const name of wanted) this.rings[name] = this.#map(name, view);
  }

  #map(name: RingName, offsets: DataView): MappedRing {
    const { page, place, entry } = RINGS[name];
    const size = this.#options[name]!;
    const offset = (field: number) => Number(offsets.getBigUint64(place * 32 + field * 8, true));
    const [producer, consumer, entries, flags] = [0, 1, 2, 3].map(offset) as [number, number, number, number];
    const length = Math.ceil((entries + size * entry) / PAGE) * PAGE;
    const at = this.#memory.allocatePages(length);
    const address = this.#memory.base + at;
    mapOver(address, length, this.fd, page, `map the ${name} ring of ${this.#where}`);
    this.#mapped.push({ address, length });
    return {
      producer: at + producer,
      consumer: at + consumer,
      flags: at + flags,
      entries: at + entries,
      size,
    };
  }

  /**
   * Takes the queue; the socket whose memory it shares has to be bound before.
   *
   * @param patience how long it waits for another socket to let go of it, in milliseconds
   * @throws SpangateError SYSTEM_CALL (EBUSY: another socket has the queue)
   */
  async bind(patience = BIND_PATIENCE): Promise<void> {
    const { interfaceIndex, queue, jumbo } = this.#options;
    const shared = this.#shared;
    const view = new DataView(new ArrayBuffer(16));
    // What a shared memory's first socket has settled must not be said again.
    const own = XDP_COPY | XDP_USE_NEED_WAKEUP | (jumbo ? XDP_USE_SG : 0);
    view.setUint16(0, AF_XDP, true);
    view.setUint16(2, shared === undefined ? own : XDP_SHARED_UMEM, true);
    view.setUint32(4, interfaceIndex, true);
    view.setUint32(8, queue, true);
    view.setUint32(12, shared?.fd ?? 0, true);
    const address = new Uint8Array(view.buffer);
    const about = `bind an AF_XDP socket to ${this.#where}`;
    await whileBusy(() => check(libc.bind(this.fd, address, address.length), "bind", about), patience);
  }

  /** More frames a system call than the kernel's usual 32; older kernels do not have it. */
  setTransmitBudget(frames: number): void {
    libc.setsockopt(this.fd, SOL_XDP, XDP_MAX_TX_SKB_BUDGET, u32(frames), 4);
  }

  /** Gives the queue back. */
  close(): void {
    for (const { address, length } of this.#mapped) unmapOver(address, length);
    close(this.fd);
  }
}

/** What this kernel has of AF_XDP: whether there are such sockets at all, which takes no privilege to see. */
export function xdpSupport(): { readonly sockets: boolean } {
  const fd = libc.socket(AF_XDP, SOCK_RAW, 0);
  if (fd >= 0) close(fd);
  // EPERM: there are, for others.
  return { sockets: fd >= 0 || errno() !== constants.errno.EAFNOSUPPORT };
}

/** Of the socket of descriptor `fd`. @throws SpangateError SYSTEM_CALL */
export function xdpStatistics(fd: number): XdpStatistics {
  const bytes = new Uint8Array(48);
  check(libc.getsockopt(fd, SOL_XDP, XDP_STATISTICS, bytes, u32(48)), "getsockopt", "read AF_XDP statistics");
  // { dropped, invalid descriptors of the fill ring, of the transmit ring, ring full, fill ring empty } of 64 bits each
  const [dropped, , , ringFull, fillRingEmpty] = new BigUint64Array(bytes.buffer);
  return {
    dropped: Number(dropped),
    ringFull: Number(ringFull),
    fillRingEmpty: Number(fillRingEmpty),
  };
}

/**
 * Tells the kernel that there is something in a transmit ring. What it cannot send now stays there. True: the packet that it looked at
 * last was dropped, and it went no further (`__xsk_generic_xmit` in net/xdp/xsk.c: "SKB completed but not sent").
 */
export function wakeTransmit(fd: number): boolean {
  // EAGAIN: more than one call sends. ENOBUFS, ENETDOWN: the interface does not take it now. The ring says what was looked at.
  return libc.send(fd, null, 0, MSG_DONTWAIT) < 0 && errno() === constants.errno.EBUSY;
}
