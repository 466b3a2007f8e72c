// The UDP backend: sockets that any user may have, one for each of the gateway's addresses and tunnel ports in each worker. The kernel
// takes off what is around a datagram, puts fragments together and drops what is broken; it answers none of it. The worker writes
// headers in front of each datagram again (datapath/udp-tunnel-seat.ts), so that all that follows is as with the other backends.
//
// What sockets do not get: GRE, and VLAN tags. How much waits in the kernel is up to it: without CAP_NET_ADMIN as much as
// net.core.rmem_max says.

import { type Address, formatAddress } from "../config/addresses.js";
import { SpangateError } from "../errors.js";
import { close, createReadySet, isErrno, type Link, UdpReceiveSocket } from "../linux/index.js";
import { type KernelLosses, NO_LOSSES } from "../telemetry/losses.js";
import type { TunnelPort } from "./live.js";

/** Bytes of a socket's buffer. The kernel counts 768 and more for the shortest packet: a tenth of a second of a fast sender. */
const BUFFER = 32 << 20;

export interface UdpTunnelOptions {
  readonly link: Link;
  /** The gateway's own tunnel addresses. */
  readonly addresses: readonly Address[];
  /** UDP ports of the tunnels. */
  readonly ports: readonly number[];
  /** Each has a socket for each address and port; the kernel shares out senders' addresses and ports among them. */
  readonly workers: number;
}

/** What a worker receives from. */
export interface UdpSockets {
  /** Ready when one of them is (createReadySet). */
  readonly ready: number;
  readonly sockets: readonly UdpReceiveSocket[];
}

export class UdpTunnelPort implements TunnelPort<UdpSockets> {
  readonly description = "udp";
  readonly warning?: string;
  readonly ends: readonly UdpSockets[];
  readonly #sockets: readonly UdpReceiveSocket[];

  private constructor(ends: readonly UdpSockets[], warning: string | undefined) {
    this.ends = ends;
    this.#sockets = ends.flatMap(({ sockets }) => sockets);
    if (warning !== undefined) this.warning = warning;
  }

  /** @throws SpangateError BACKEND_UNAVAILABLE, NOT_PERMITTED, SYSTEM_CALL */
  static open({ link, addresses, ports, workers }: UdpTunnelOptions): UdpTunnelPort {
    const places = addresses.flatMap((address) => ports.map((port) => ({ address, port })));
    const opened: (() => void)[] = [];
    try {
      const shared = workers > 1;
      if (shared) for (const place of places) taking(place, () => UdpReceiveSocket.expectFree(place));
      const ends: UdpSockets[] = [];
      for (let worker = 0; worker < workers; worker++) {
        const sockets: UdpReceiveSocket[] = [];
        for (const place of places) {
          const options = { ...place, device: link.name, buffer: BUFFER, shared };
          const socket = taking(place, () => UdpReceiveSocket.open(options));
          opened.push(() => socket.close());
          sockets.push(socket);
        }
        const ready = createReadySet(sockets.map(({ fd }) => fd));
        opened.push(() => close(ready));
        ends.push({ ready, sockets });
      }
      // All are there: from now on each session stays with the worker that it came to first.
      for (const { sockets } of ends) for (const socket of sockets) socket.accept();
      return new UdpTunnelPort(ends, short(ends));
    } catch (error) {
      for (const undo of opened.reverse()) undo();
      throw error;
    }
  }

  losses(): KernelLosses {
    return { ...NO_LOSSES, ringFull: this.#sockets.reduce((sum, socket) => sum + socket.lost(), 0) };
  }

  async detach(): Promise<void> {
    for (const socket of this.#sockets) socket.refuse();
  }

  close(): void {
    for (const { ready } of this.ends) close(ready);
    for (const socket of this.#sockets) socket.close();
  }
}

/** What the kernel has given less than was asked for. */
function short(ends: readonly UdpSockets[]): string | undefined {
  const given = ends[0]?.sockets[0]?.buffer ?? BUFFER;
  if (given >= BUFFER) return undefined;
  const kib = (bytes: number) => `${Math.floor(bytes / 1024)} KiB`;
  return `${kib(given)} of datagrams wait for a worker at each port, not ${kib(BUFFER)}: sysctl -w net.core.rmem_max=${BUFFER}`;
}

function taking<T>({ address, port }: { address: Address; port: number }, open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (!isErrno(error, "EADDRINUSE")) throw error;
    const message =
      `Another program has UDP port ${port} of ${formatAddress(address)} (a vxlan or geneve device of the kernel, too): ` +
      "end it, or take the port out of tunnel.ports.";
    throw new SpangateError("BACKEND_UNAVAILABLE", message, { cause: error, details: { port } });
  }
}
