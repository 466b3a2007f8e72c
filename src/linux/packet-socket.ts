// AF_PACKET sockets (packet(7), Documentation/networking/packet_mmap.rst, include/uapi/linux/if_packet.h): one that receives into a
// ring in linear memory (TPACKET_V3), and one that sends past the queueing discipline.

import { constants } from "node:os";
import { close } from "./descriptor.js";
import { check, errno, libc } from "./libc.js";
import { mapOver, PAGE, unmapOver } from "./memory-map.js";
import { u32 } from "./netlink-message.js";
import { MSG_DONTWAIT, openSocket, SOCK_RAW, SOL_SOCKET } from "./socket.js";
import { attachFilter, dropEverything, setProgram } from "./socket-filter.js";

export const PACKET_FAMILY = 17; // AF_PACKET
const ETH_P_ALL = 3;
const SO_ERROR = 4;
const SOL_PACKET = 263;
const PACKET_RX_RING = 5;
const PACKET_STATISTICS = 6;
const PACKET_VERSION = 10;
const PACKET_FANOUT = 18;
const PACKET_QDISC_BYPASS = 20;
const PACKET_FANOUT_DATA = 22;
const PACKET_IGNORE_OUTGOING = 23;
const TPACKET_V3 = 2;
const FANOUT_PROGRAM = 6;
const FANOUT_UNIQUE = 0x2000;
const FANOUT_IGNORE_OUTGOING = 0x4000;
const FANOUT_DEFRAGMENT = 0x8000;
/** The kernel wants to know one, and goes by the blocks. */
const FRAME = 2048;
/** After so many milliseconds a block is handed over though it is not full. */
const RETIRE = 1;

/** Linear memory, and where a ring may lie in it. */
export interface RingMemory {
  /** Address in this process of what has offset 0. */
  readonly base: number;
  /** Hands out whole pages. Gives the offset. */
  allocatePages(length: number): number;
}

/** The interface, for the kernel and for messages. */
export interface PacketInterface {
  readonly index: number;
  readonly name: string;
}

/** A ring of blocks: `address` is its offset in linear memory. */
export interface MappedBlocks {
  readonly address: number;
  readonly blockSize: number;
  readonly blocks: number;
}

/** Sockets that share an interface's frames. */
export interface Fanout {
  /** Of the kernel's, once the first has joined. */
  id?: number;
  /** What it gives for a packet (SocketFilter), modulo their number, is the socket's place. */
  readonly program: Uint8Array;
  /** The kernel puts fragments together before it shares them out. */
  readonly defragments: boolean;
}

export class PacketReceiveSocket {
  readonly fd: number;
  readonly ring: MappedBlocks;
  readonly #base: number;
  readonly #about: string;
  #lost = 0;

  private constructor(fd: number, ring: MappedBlocks, base: number, about: string) {
    this.fd = fd;
    this.ring = ring;
    this.#base = base;
    this.#about = about;
  }

  /**
   * Receives nothing before `accept`.
   *
   * @param size `blockSize` in bytes, whole pages and enough for the longest frame
   * @param fanout those that share their frames have the same one
   * @throws SpangateError NOT_PERMITTED without CAP_NET_RAW, SYSTEM_CALL
   */
  static open(
    { index, name }: PacketInterface,
    memory: RingMemory,
    size: Omit<MappedBlocks, "address">,
    fanout: Fanout | undefined,
  ): PacketReceiveSocket {
    const about = `receive from ${name}`;
    const fd = openSocket(PACKET_FAMILY, SOCK_RAW, 0, about);
    let mapped: { address: number; length: number } | undefined;
    try {
      // Until all share the frames each would get every one.
      dropEverything(fd);
      ignoreOutgoing(fd, about);
      set(fd, PACKET_VERSION, u32(TPACKET_V3), about);
      const length = size.blockSize * size.blocks;
      set(fd, PACKET_RX_RING, ringRequest(size), `make the ring to ${about}`);
      const address = memory.allocatePages(Math.ceil(length / PAGE) * PAGE);
      mapOver(memory.base + address, length, fd, 0, `map the ring to ${about}`);
      mapped = { address: memory.base + address, length };
      bind(fd, index, ETH_P_ALL, about);
      if (fanout !== undefined) join(fd, fanout, about);
      return new PacketReceiveSocket(fd, { address, ...size }, memory.base, about);
    } catch (error) {
      if (mapped !== undefined) unmapOver(mapped.address, mapped.length);
      close(fd);
      throw error;
    }
  }

  /** From now on it receives what the program (SocketFilter) accepts. */
  accept(instructions: Uint8Array): void {
    attachFilter(this.fd, instructions);
  }

  /** And from now on nothing more. What is in the ring can still be taken: all of it after `BLOCK_PATIENCE`. */
  refuse(): void {
    dropEverything(this.fd);
  }

  /** Packets for which there was no room in the ring, since it was opened. The kernel counts from one question to the next. */
  lost(): number {
    this.#lost += packetStatistics(this.fd, this.#about).lost;
    return this.#lost;
  }

  close(): void {
    const { address, blockSize, blocks } = this.ring;
    unmapOver(this.#base + address, blockSize * blocks);
    close(this.fd);
  }
}

/** What the kernel had for a socket since the last question: all that its filter accepted, and those for which there was no room. */
export function packetStatistics(
  fd: number,
  about: string,
): { readonly packets: number; readonly lost: number } {
  const bytes = new Uint8Array(12);
  const result = libc.getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, bytes, u32(12));
  check(result, "getsockopt", `read what was lost to ${about}`);
  const view = new DataView(bytes.buffer);
  return { packets: view.getUint32(0, true), lost: view.getUint32(4, true) };
}

/** What leaves by the interface the socket does not receive. */
export function ignoreOutgoing(fd: number, about: string): void {
  set(fd, PACKET_IGNORE_OUTGOING, u32(1), about);
}

/** The socket receives from every interface. */
export function bindToEvery(fd: number, about: string): void {
  bind(fd, 0, ETH_P_ALL, about);
}

/** Milliseconds after which every block is handed over, also where a timer takes as long as HZ=100 makes it. */
export const BLOCK_PATIENCE = 25;

export class PacketSendSocket {
  private constructor(readonly fd: number) {}

  /** @throws SpangateError NOT_PERMITTED without CAP_NET_RAW, SYSTEM_CALL */
  static open({ index, name }: PacketInterface): PacketSendSocket {
    const about = `send to ${name}`;
    const fd = openSocket(PACKET_FAMILY, SOCK_RAW, 0, about);
    try {
      set(fd, PACKET_QDISC_BYPASS, u32(1), about);
      bind(fd, index, 0, about);
    } catch (error) {
      close(fd);
      throw error;
    }
    return new PacketSendSocket(fd);
  }

  close(): void {
    close(this.fd);
  }
}

/** The interface takes none of them now. */
export const TRY_LATER = -1;
/** The first of them cannot be sent. */
export const REFUSED = -2;

// The driver's ring is full, or there is no carrier: net_xmit_errno makes ENOBUFS of either. The interface is down. The socket's buffer
// is full. There is no memory.
const { ENOBUFS, ENETDOWN, EAGAIN, ENOMEM, EINTR } = constants.errno;
const PASSING = new Set([ENOBUFS, ENETDOWN, EAGAIN, ENOMEM, EINTR]);

/** Sends `count` messages (struct mmsghdr) from `address` of this process on. Gives how many went, TRY_LATER or REFUSED. */
export function sendMessages(fd: number, address: number, count: number): number {
  const sent = libc.sendmmsg(fd, address, count, MSG_DONTWAIT);
  if (sent > 0) return sent;
  return sent === 0 || PASSING.has(errno()) ? TRY_LATER : REFUSED;
}

/** Takes the error of a socket away (its interface went down), for which `poll` would wake again and again. */
export function takeError(fd: number): void {
  libc.getsockopt(fd, SOL_SOCKET, SO_ERROR, new Uint8Array(4), u32(4));
}

/** `struct tpacket_req3`. */
function ringRequest({ blockSize, blocks }: Omit<MappedBlocks, "address">): Uint8Array {
  const fields = [blockSize, blocks, FRAME, (blockSize / FRAME) * blocks, RETIRE, 0, 0];
  return new Uint8Array(Uint32Array.from(fields).buffer);
}

/** A bound socket takes the next place. The first one asks for a number that no other program's have. */
export function join(fd: number, fanout: Fanout, about: string): void {
  const unique = fanout.id === undefined ? FANOUT_UNIQUE : 0;
  const defragment = fanout.defragments ? FANOUT_DEFRAGMENT : 0;
  const kind = FANOUT_PROGRAM | FANOUT_IGNORE_OUTGOING | defragment | unique;
  set(fd, PACKET_FANOUT, u32((fanout.id ?? 0) + kind * 0x10000), about);
  if (fanout.id !== undefined) return;
  const bytes = new Uint8Array(4);
  check(libc.getsockopt(fd, SOL_PACKET, PACKET_FANOUT, bytes, u32(4)), "getsockopt", about);
  fanout.id = new DataView(bytes.buffer).getUint16(0, true);
  setFanoutProgram(fd, fanout.program, about);
}

/** From the next packet on another program shares out those of the socket's fanout: each goes to one socket. */
export function setFanoutProgram(fd: number, program: Uint8Array, about: string): void {
  setProgram(fd, SOL_PACKET, PACKET_FANOUT_DATA, program, about);
}

/** `struct sockaddr_ll`: 0 family:16 | 2 protocol:16 (network order) | 4 index:32 */
function bind(fd: number, index: number, protocol: number, about: string): void {
  const view = new DataView(new ArrayBuffer(20));
  view.setUint16(0, PACKET_FAMILY, true);
  view.setUint16(2, protocol);
  view.setUint32(4, index, true);
  const address = new Uint8Array(view.buffer);
  check(libc.bind(fd, address, address.length), "bind", about);
}

function set(fd: number, option: number, value: Uint8Array, about: string): void {
  check(libc.setsockopt(fd, SOL_PACKET, option, value, value.length), "setsockopt", about);
}
