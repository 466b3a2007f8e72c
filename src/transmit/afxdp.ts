// Sending by AF_XDP: sockets of the delivery interface that share the frame memory of the tunnel's, so that a frame is sent where it was
// received; or have registered it themselves, when the tunnel is none of the kernel's. A program keeps everything but ARP and ND that
// arrives there from the host.

import { SpangateError } from "../errors.js";
import { type FrameMemory, type Link, type XdpMode, XdpSocket } from "../linux/index.js";
import { Guard } from "./guard.js";
import type { DeliveryPort } from "./live.js";

export interface XdpDeliveryOptions {
  readonly link: Link;
  readonly mode: XdpMode | "auto";
  /** Whether what arrives here is kept from the host. */
  readonly guarded: boolean;
  /** Frame memory of each worker, and the socket that has registered it; without one the socket that sends does. */
  readonly memories: readonly { readonly memory: FrameMemory; readonly owner: XdpSocket | undefined }[];
  /** Queues that the interface sends by. */
  readonly queues: number;
  /** Entries of the transmit and completion rings. */
  readonly ring: number;
}

/** Frames that a system call sends, at the most. */
const BUDGET = 256;
const MINIMAL_RING = 64;

export class XdpDeliveryPort implements DeliveryPort<XdpSocket> {
  readonly description: string;
  readonly seats: readonly XdpSocket[];
  readonly warning?: string;
  readonly #guard: Guard | undefined;

  private constructor(sockets: readonly XdpSocket[], guard: Guard | string) {
    this.seats = sockets;
    if (typeof guard === "string")
      this.warning = `what arrives at the delivery interface reaches the host: ${guard}`;
    else this.#guard = guard;
    this.description = `afxdp, ${sockets.every((socket) => socket.isZeroCopy) ? "zero-copy" : "copy"}`;
  }

  /** @throws SpangateError NOT_PERMITTED, SYSTEM_CALL */
  static async open({
    link,
    mode,
    guarded,
    memories,
    queues,
    ring,
  }: XdpDeliveryOptions): Promise<XdpDeliveryPort> {
    if (queues < memories.length) {
      const message = `${link.name} has ${queues} transmit queues for ${memories.length} workers, each of which needs one: set tunnel.queues to ${queues}, or the interface to more (ethtool -L ${link.name}).`;
      throw new SpangateError("BACKEND_UNAVAILABLE", message, { details: { interface: link.name, queues } });
    }
    const opened: (() => void)[] = [];
    try {
      const sockets: XdpSocket[] = [];
      for (const [i, { memory, owner }] of memories.entries()) {
        const options = {
          interfaceIndex: link.index,
          interfaceName: link.name,
          queue: i,
          tx: ring,
          fill: MINIMAL_RING,
          completion: ring,
          jumbo: true,
          copy: "copy" as const, // as the tunnel's, whose frame memory it is
        };
        const socket = await XdpSocket.open(memory, options, owner);
        opened.push(() => socket.close());
        socket.setTransmitBudget(BUDGET);
        sockets.push(socket);
      }
      const guard = guarded ? Guard.attach(link, mode) : `${link.name} is the tunnel's, too`;
      return new XdpDeliveryPort(sockets, guard);
    } catch (error) {
      for (const undo of opened.reverse()) undo();
      throw error;
    }
  }

  close(): void {
    this.#guard?.close();
    for (const socket of this.seats) socket.close();
  }
}
