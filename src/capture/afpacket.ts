// The AF_PACKET backend: the kernel copies frames into rings in linear memory, one for each worker, of which the engine copies them into
// its slots. The kernel's own stack still sees every packet; sockets that take what is ours and keep nothing hold it silent.
//
// Why a ring (TPACKET_V3) and not recvmmsg into the slots, which saves the engine's copy: for a packet of 178 bytes the receiving thread
// took 1,180 to 1,760 ns with recvmmsg, 580 to 720 with TPACKET_V2 and the copy, 93 to 99 with TPACKET_V3 and the copy (blocks of 256
// KiB; of 64 KiB 146 to 190), because it is woken for blocks and not for packets. 0.34 to 0.48, 0.26 to 0.34 and 0.42 to 0.48 million
// packets a second came through from the same sender on the same two processors. The price: a block is handed over after a
// millisecond when it is not full.

import { type Address, formatAddress } from "../config/addresses.js";
import { SpangateError } from "../errors.js";
import {
  BLOCK_PATIENCE,
  type Fanout,
  isErrno,
  type Link,
  type Offload,
  offload,
  PacketReceiveSocket,
  type RingMemory,
  SilentSocket,
} from "../linux/index.js";
import { type KernelLosses, NO_LOSSES } from "../telemetry/losses.js";
import type { TunnelPort } from "./live.js";
import { workerProgram } from "./packet-fanout.js";
import { tunnelFilter } from "./packet-filter.js";
import { GRE } from "./tunnel-protocols.js";

/** The longest frame fits into a block several times; 8 MiB hold a tenth of a second of a fast sender. */
const BLOCK_SIZE = 1 << 18;
const BLOCKS = 32;
/** What makes one packet of several before the sockets see them, and what `ethtool -K` calls it. */
const MERGING: Partial<Record<Offload, string>> = { gro: "gro", hardwareGro: "rx-gro-hw", lro: "lro" };

export interface PacketTunnelOptions {
  readonly link: Link;
  /** The gateway's own tunnel addresses. */
  readonly addresses: readonly Address[];
  /** UDP ports of the tunnels. */
  readonly ports: readonly number[];
  readonly memory: RingMemory;
  /** Each has a socket, and each mirror session is one socket's. */
  readonly workers: number;
}

export class PacketTunnelPort implements TunnelPort<PacketReceiveSocket> {
  readonly description = "afpacket";
  readonly warning?: string;
  readonly ends: readonly PacketReceiveSocket[];
  readonly #silent: readonly SilentSocket[];

  private constructor(
    ends: readonly PacketReceiveSocket[],
    silent: readonly SilentSocket[],
    warning: string | undefined,
  ) {
    this.ends = ends;
    this.#silent = silent;
    if (warning !== undefined) this.warning = warning;
  }

  /** @throws SpangateError BACKEND_UNAVAILABLE, NOT_PERMITTED, SYSTEM_CALL */
  static open({ link, addresses, ports, memory, workers }: PacketTunnelOptions): PacketTunnelPort {
    const opened: { close(): void }[] = [];
    const keep = <T extends { close(): void }>(socket: T): T => {
      opened.push(socket);
      return socket;
    };
    try {
      const silent = addresses.flatMap((address) => [
        keep(SilentSocket.forProtocol(address, GRE)),
        ...ports.map((port) => keep(silentPort(address, port))),
      ]);
      const fanout: Fanout | undefined = workers > 1 ? { program: workerProgram() } : undefined;
      const size = { blockSize: BLOCK_SIZE, blocks: BLOCKS };
      const sockets = Array.from({ length: workers }, () =>
        keep(PacketReceiveSocket.open(link, memory, size, fanout)),
      );
      const filter = tunnelFilter(addresses, ports);
      for (const socket of sockets) socket.accept(filter);
      return new PacketTunnelPort(sockets, silent, merged(link));
    } catch (error) {
      for (const socket of opened.reverse()) socket.close();
      throw error;
    }
  }

  losses(): KernelLosses {
    return { ...NO_LOSSES, ringFull: this.ends.reduce((sum, socket) => sum + socket.lost(), 0) };
  }

  async detach(): Promise<void> {
    for (const socket of this.ends) socket.refuse();
    await new Promise((resolve) => setTimeout(resolve, BLOCK_PATIENCE));
  }

  close(): void {
    for (const socket of [...this.ends, ...this.#silent]) socket.close();
  }
}

/** AF_XDP needs none of this: where a program is attached the kernel merges nothing (netif_elide_gro). */
function merged({ name }: Link): string | undefined {
  const on = Object.entries(MERGING).filter(([which]) => offload(name, which as Offload).on);
  if (on.length === 0) return undefined;
  const words = on.map(([, word]) => `${word} off`).join(" ");
  return `${name} may make one packet of several before they are received: ethtool -K ${name} ${words}`;
}

function silentPort(address: Address, port: number): SilentSocket {
  try {
    return SilentSocket.forUdpPort(address, port);
  } catch (error) {
    if (!isErrno(error, "EADDRINUSE")) throw error;
    const message =
      `Another program has UDP port ${port} of ${formatAddress(address)}, and would answer mirrored packets: ` +
      "end it, or take the port out of tunnel.ports.";
    throw new SpangateError("BACKEND_UNAVAILABLE", message, { cause: error, details: { port } });
  }
}
