// The AF_PACKET backend: the kernel copies frames into rings in linear memory, one for each worker, of which the engine copies them into
// its slots. The kernel's own stack still sees every packet; sockets that take what is ours and keep nothing hold it silent.
//
// Why a ring (TPACKET_V3) and not recvmmsg into the slots, which saves the engine's copy: for a packet of 178 bytes the receiving thread
// took 1,180 to 1,760 ns with recvmmsg, 580 to 720 with TPACKET_V2 and the copy, 93 to 99 with TPACKET_V3 and the copy (blocks of 256
// KiB; of 64 KiB 146 to 190), because it is woken for blocks and not for packets. 0.34 to 0.48, 0.26 to 0.34 and 0.42 to 0.48 million
// packets a second came through from the same sender on the same two processors. The price: a block is handed over after a
// millisecond when it is not full.

import type { Address } from "../config/addresses.js";
import {
  BLOCK_PATIENCE,
  type Fanout,
  type Link,
  PacketReceiveSocket,
  type RingMemory,
  type SilentSocket,
} from "../linux/index.js";
import { type KernelLosses, NO_LOSSES } from "../telemetry/losses.js";
import type { Handover, TunnelPort } from "./live.js";
import { workerProgram } from "./packet-fanout.js";
import { tunnelFilter } from "./packet-filter.js";
import { merged, silence } from "./silence.js";

/**
 * The longest frame fits into a block several times. However few packets come, the kernel goes on to another block after a millisecond: a
 * worker may be as many of them late as there are blocks.
 */
const BLOCK_SIZE = 1 << 17;
const BLOCKS = 128;
/** Of a gateway that takes over, which has to wait for what the other one still has. */
const HELD_BLOCKS = 256;
/** Bytes of a worker's ring then. */
export const HELD_SIZE = HELD_BLOCKS * BLOCK_SIZE;

export interface PacketTunnelOptions {
  readonly link: Link;
  /** The gateway's own tunnel addresses. */
  readonly addresses: readonly Address[];
  /** UDP ports of the tunnels. */
  readonly ports: readonly number[];
  readonly memory: RingMemory;
  /** Each has a socket, and each mirror session is one socket's. */
  readonly workers: number;
  /** Another gateway has the interface: nothing is received before `accept`. */
  readonly held: boolean;
  /**
   * It only holds what comes while AF_XDP has no queue yet. Then a port that another program has does not matter, as AF_XDP does not mind
   * it either.
   */
  readonly isBridge: boolean;
}

export class PacketTunnelPort implements TunnelPort<PacketReceiveSocket> {
  readonly description = "afpacket";
  readonly warning?: string;
  readonly ends: readonly PacketReceiveSocket[];
  readonly #silent: readonly SilentSocket[];
  readonly #filter: Uint8Array;

  private constructor(
    ends: readonly PacketReceiveSocket[],
    silent: readonly SilentSocket[],
    filter: Uint8Array,
    warning: string | undefined,
  ) {
    this.ends = ends;
    this.#silent = silent;
    this.#filter = filter;
    if (warning !== undefined) this.warning = warning;
  }

  /** @throws SpangateError BACKEND_UNAVAILABLE, NOT_PERMITTED, SYSTEM_CALL */
  static open(options: PacketTunnelOptions): PacketTunnelPort {
    const { link, addresses, ports, memory, workers, held, isBridge } = options;
    const opened: { close(): void }[] = [];
    const keep = <T extends { close(): void }>(socket: T): T => {
      opened.push(socket);
      return socket;
    };
    try {
      const silent = silence(addresses, ports, { isShared: held, isOptional: isBridge, keep });
      const fanout: Fanout | undefined =
        workers > 1 ? { program: workerProgram(), defragments: true } : undefined;
      const size = { blockSize: BLOCK_SIZE, blocks: held ? HELD_BLOCKS : BLOCKS };
      const sockets = Array.from({ length: workers }, () =>
        keep(PacketReceiveSocket.open(link, memory, size, fanout)),
      );
      const port = new PacketTunnelPort(sockets, silent, tunnelFilter(addresses, ports), merged(link));
      if (!held) port.accept();
      return port;
    } catch (error) {
      for (const socket of opened.reverse()) socket.close();
      throw error;
    }
  }

  /** Receives from now on. */
  accept(): void {
    for (const socket of this.ends) socket.accept(this.#filter);
  }

  /** What its sockets share with another gateway's is theirs alone from now on. */
  async take(): Promise<void> {
    this.handover.share(false);
  }

  readonly handover: Handover = {
    takesFirst: false,
    share: (isShared) => {
      for (const socket of this.#silent) socket.share(isShared);
    },
    letGo: async () => {
      this.#refuse();
      return { rxVlan: false };
    },
  };

  losses(): KernelLosses {
    return { ...NO_LOSSES, ringFull: this.ends.reduce((sum, socket) => sum + socket.lost(), 0) };
  }

  #refuse(): void {
    for (const socket of this.ends) socket.refuse();
  }

  async detach(): Promise<void> {
    this.#refuse();
    await new Promise((resolve) => setTimeout(resolve, BLOCK_PATIENCE));
  }

  close(): void {
    for (const socket of [...this.ends, ...this.#silent]) socket.close();
  }
}
