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
  type Link,
  PacketReceiveSocket,
  type RingMemory,
  SilentSocket,
} from "../linux/index.js";
import { type KernelLosses, NO_LOSSES } from "../telemetry/losses.js";
import type { TunnelPort } from "./live.js";
import { workerProgram } from "./packet-fanout.js";
import { tunnelFilter } from "./packet-filter.js";

const GRE = 47;
/** The longest frame fits into a block several times; 8 MiB hold a tenth of a second of a fast sender. */
const BLOCK_SIZE = 1 << 18;
const BLOCKS = 32;

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
  readonly seats: readonly PacketReceiveSocket[];
  readonly #silent: readonly SilentSocket[];

  private constructor(seats: readonly PacketReceiveSocket[], silent: readonly SilentSocket[]) {
    this.seats = seats;
    this.#silent = silent;
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
      return new PacketTunnelPort(sockets, silent);
    } catch (error) {
      for (const socket of opened.reverse()) socket.close();
      throw error;
    }
  }

  losses(): KernelLosses {
    return { ...NO_LOSSES, ringFull: this.seats.reduce((sum, socket) => sum + socket.lost(), 0) };
  }

  async detach(): Promise<void> {
    for (const socket of this.seats) socket.refuse();
    await new Promise((resolve) => setTimeout(resolve, BLOCK_PATIENCE));
  }

  close(): void {
    for (const socket of [...this.seats, ...this.#silent]) socket.close();
  }
}

function silentPort(address: Address, port: number): SilentSocket {
  try {
    return SilentSocket.forUdpPort(address, port);
  } catch (error) {
    if (!(error instanceof SpangateError) || error.details.errno !== "EADDRINUSE") throw error;
    const message =
      `Another program has UDP port ${port} of ${formatAddress(address)}, and would answer mirrored packets: ` +
      "end it, or take the port out of tunnel.ports.";
    throw new SpangateError("BACKEND_UNAVAILABLE", message, { cause: error, details: { port } });
  }
}
