// Sending by AF_PACKET: a socket for each worker, past the queueing discipline. The same program as with AF_XDP keeps what arrives at the
// interface from the host, where the kernel has XDP.

import { type Link, PacketSendSocket } from "../linux/index.js";
import { Guard, reachable, unguarded } from "./guard.js";
import type { DeliveryPort } from "./live.js";

export interface PacketDeliveryOptions {
  readonly link: Link;
  /** The tunnel comes in by another interface: what arrives here is nobody's. */
  readonly guarded: boolean;
  readonly workers: number;
}

export class PacketDeliveryPort implements DeliveryPort<PacketSendSocket> {
  readonly description = "afpacket";
  readonly warning?: string;
  readonly ends: readonly PacketSendSocket[];
  readonly #guard: Guard | undefined;

  private constructor(ends: readonly PacketSendSocket[], guard: Guard | string) {
    this.ends = ends;
    if (typeof guard === "string") this.warning = guard;
    else this.#guard = guard;
  }

  /** @throws SpangateError NOT_PERMITTED, SYSTEM_CALL */
  static open({ link, guarded, workers }: PacketDeliveryOptions): PacketDeliveryPort {
    const sockets: PacketSendSocket[] = [];
    try {
      for (let i = 0; i < workers; i++) sockets.push(PacketSendSocket.open(link));
    } catch (error) {
      for (const socket of sockets) socket.close();
      throw error;
    }
    if (!guarded) return new PacketDeliveryPort(sockets, unguarded(link));
    try {
      return new PacketDeliveryPort(sockets, Guard.attach(link));
    } catch (error) {
      return new PacketDeliveryPort(sockets, reachable((error as Error).message));
    }
  }

  close(): void {
    this.#guard?.close();
    for (const socket of this.ends) socket.close();
  }
}
