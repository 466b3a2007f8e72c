// Sending by AF_XDP: sockets of the delivery interface that share the frame memory of the tunnel's, so that a frame is sent where it was
// received; or have registered it themselves, when the tunnel is none of the kernel's. A program keeps everything but ARP and ND that
// arrives there from the host. Where the tunnel comes in by the same interface its own sockets send, as a queue takes one socket, and its
// own program decides what the host gets, as an interface takes one program.

import { SpangateError } from "../errors.js";
import { type FrameMemory, type Link, XdpSocket } from "../linux/index.js";
import { Guard, unguarded } from "./guard.js";
import type { AttachedGuard, DeliveryPort } from "./live.js";

export interface XdpDeliveryOptions {
  readonly link: Link;
  /** Whether what arrives here is kept from the host. */
  readonly guarded: boolean;
  /** Frame memory of each worker, and the socket that has registered it; without one the socket that sends does. */
  readonly memories: readonly { readonly memory: FrameMemory; readonly owner: XdpSocket | undefined }[];
  /** Queues that the interface sends by. */
  readonly queues: number;
  /** Entries of the transmit and completion rings. */
  readonly ring: number;
  /** Another gateway has the interface: nothing is bound or attached before `take`. */
  readonly held: boolean;
}

/** Frames that a system call sends, at the most. */
const BUDGET = 256;

export class XdpDeliveryPort implements DeliveryPort<XdpSocket> {
  readonly description = "afxdp, copy";
  readonly warning?: string;
  readonly ends: readonly XdpSocket[];
  /** Sockets that are its own to bind and to close. */
  readonly #own: readonly XdpSocket[];
  readonly #guard: Guard | undefined;

  private constructor(
    sockets: readonly XdpSocket[],
    own: readonly XdpSocket[],
    guard: Guard | undefined,
    warning: string | undefined,
  ) {
    this.ends = sockets;
    this.#own = own;
    this.#guard = guard;
    if (warning !== undefined) this.warning = warning;
  }

  /** By the sockets of the tunnel, which comes in by the same interface, and which closes them. */
  static ofTunnel(link: Link, sockets: readonly XdpSocket[]): XdpDeliveryPort {
    for (const socket of sockets) socket.setTransmitBudget(BUDGET);
    return new XdpDeliveryPort(sockets, [], undefined, unguarded(link));
  }

  /** @throws SpangateError BACKEND_UNAVAILABLE, NOT_PERMITTED, SYSTEM_CALL */
  static async open(options: XdpDeliveryOptions): Promise<XdpDeliveryPort> {
    const { link, guarded, memories, queues, ring, held } = options;
    expectTransmitQueues(link, queues, memories.length);
    const opened: (() => void)[] = [];
    try {
      const sockets: XdpSocket[] = [];
      for (const [i, { memory, owner }] of memories.entries()) {
        const options = {
          interfaceIndex: link.index,
          interfaceName: link.name,
          queue: i,
          tx: ring,
          completion: ring,
          jumbo: true,
        };
        const socket = XdpSocket.make(memory, options, owner);
        opened.push(() => socket.close());
        socket.setTransmitBudget(BUDGET);
        sockets.push(socket);
      }
      const guard = guarded ? Guard.load(link) : undefined;
      if (guard !== undefined) opened.push(() => guard.close());
      const warning = guarded ? undefined : unguarded(link);
      const port = new XdpDeliveryPort(sockets, sockets, guard, warning);
      if (!held) await port.take();
      return port;
    } catch (error) {
      for (const undo of opened.reverse()) undo();
      throw error;
    }
  }

  async take(patience?: number): Promise<void> {
    for (const socket of this.#own) await socket.bind(patience);
    await this.#guard?.attach(patience);
  }

  attached(): AttachedGuard | undefined {
    return this.#guard?.attached;
  }

  adopt(attached: AttachedGuard): boolean {
    return this.#guard?.adopt(attached) ?? false;
  }

  close(): void {
    this.#guard?.close();
    for (const socket of this.#own) socket.close();
  }
}

/** @throws SpangateError BACKEND_UNAVAILABLE when there is not one for each worker */
export function expectTransmitQueues({ name }: Link, queues: number, workers: number): void {
  if (queues >= workers) return;
  const message = `${name} has ${queues} transmit queues for ${workers} workers, each of which needs one: set tunnel.queues to ${queues}, or the interface to more (ethtool -L ${name}).`;
  throw new SpangateError("BACKEND_UNAVAILABLE", message, { details: { interface: name, queues } });
}
