// The AF_XDP backend: frames come from the driver into the engine's slots, and a program in the kernel chooses which. One socket for
// each receive queue and worker, each with frame memory of its own.

import type { Address } from "../config/addresses.js";
import { SpangateError } from "../errors.js";
import {
  attachXdp,
  BpfMap,
  channels,
  close,
  createMap,
  deleteFromMap,
  type FrameMemory,
  type Link,
  loadProgram,
  setOffload,
  updateMap,
  XDP_HAS_FRAGS,
  type XdpChoice,
  type XdpLink,
  XdpSocket,
  xdpStatistics,
} from "../linux/index.js";
import { addLosses, type KernelLosses, NO_LOSSES } from "../telemetry/losses.js";
import type { TunnelPort } from "./live.js";
import { tunnelProgram } from "./steering.js";

export interface XdpTunnelOptions {
  readonly link: Link;
  /** How a frame gets into the program. */
  readonly mode: XdpChoice;
  /** The gateway's own tunnel addresses. */
  readonly addresses: readonly Address[];
  /** UDP ports of the tunnels. */
  readonly ports: readonly number[];
  /** Frame memory of each worker; the queue is its place. */
  readonly memories: readonly FrameMemory[];
  /** Entries of the receive rings, and of the fill rings: frames that wait to be received into. */
  readonly ring: number;
  /** The same interface sends, too: entries of the transmit rings. */
  readonly transmit?: number;
}

interface Parts {
  readonly sockets: readonly XdpSocket[];
  /** Descriptors of the program and of its map of the sockets. */
  readonly program: number;
  readonly map: number;
  readonly link: XdpLink;
  /** Puts the interface back; gives why that is not possible. */
  readonly restore: () => string | undefined;
}

export class XdpTunnelPort implements TunnelPort<XdpSocket> {
  readonly description: string;
  readonly ends: readonly XdpSocket[];
  readonly #program: number;
  readonly #map: number;
  readonly #restore: () => string | undefined;
  #link: number | undefined;
  #notRestored: string | undefined;

  private constructor({ sockets, program, map, link, restore }: Parts) {
    this.ends = sockets;
    this.#program = program;
    this.#map = map;
    this.#link = link.fd;
    this.#restore = restore;
    this.description = `afxdp, ${link.mode === "native" ? "in the driver" : "on socket buffers"}, copy`;
  }

  /** @throws SpangateError BACKEND_UNAVAILABLE, NOT_PERMITTED, SYSTEM_CALL */
  static async open(options: XdpTunnelOptions): Promise<XdpTunnelPort> {
    const { link, memories } = options;
    checkQueues(link, memories.length);
    // A tag that the driver has taken off is lost: AF_XDP gives the frame as it lies.
    const restore = setOffload(link.name, "rxVlan", false) ? () => putBack(link) : () => undefined;
    const opened: (() => unknown)[] = [restore];
    try {
      const sockets: XdpSocket[] = [];
      for (const [queue, memory] of memories.entries()) {
        const socket = await XdpSocket.open(memory, {
          interfaceIndex: link.index,
          interfaceName: link.name,
          queue,
          rx: options.ring,
          fill: options.ring,
          ...(options.transmit !== undefined && { tx: options.transmit, completion: options.transmit }),
          jumbo: true,
        });
        opened.push(() => socket.close());
        sockets.push(socket);
      }
      const map = createMap(BpfMap.XskMap, 4, 4, memories.length, "spangate");
      opened.push(() => close(map));
      for (const [queue, socket] of sockets.entries()) updateMap(map, queue, socket.fd);
      const program = loadProgram(
        tunnelProgram(options.addresses, options.ports, map),
        "spangate_tunnel",
        XDP_HAS_FRAGS,
      );
      opened.push(() => close(program));
      const attached = attachXdp(program, link, options.mode);
      return new XdpTunnelPort({ sockets, program, map, link: attached, restore });
    } catch (error) {
      for (const undo of opened.reverse()) undo();
      throw error;
    }
  }

  losses(): KernelLosses {
    return this.ends.map(lossesOf).reduce(addLosses, NO_LOSSES);
  }

  /** The program stays, and without sockets drops what is ours: the kernel would answer it. */
  async detach(): Promise<void> {
    try {
      for (const queue of this.ends.keys()) deleteFromMap(this.#map, queue);
    } catch (error) {
      if (!(error instanceof SpangateError)) throw error;
      // Linux before 5.19 wants a capability for that (unprivileged_bpf_disabled), which may be given up by now. A descriptor can always be
      // closed; then the kernel answers what comes meanwhile.
      this.#closeLink();
    }
  }

  #closeLink(): void {
    if (this.#link !== undefined) close(this.#link);
    this.#link = undefined;
  }

  close(): void {
    this.#closeLink();
    for (const socket of this.ends) socket.close();
    close(this.#program);
    close(this.#map);
    this.#notRestored = this.#restore();
  }

  get notRestored(): string | undefined {
    return this.#notRestored;
  }
}

/** The interface as it was; or why it is not: the gateway was sealed, or the interface is gone. */
function putBack({ name }: Link): string | undefined {
  try {
    setOffload(name, "rxVlan", true);
    return undefined;
  } catch (error) {
    if (!(error instanceof SpangateError)) throw error;
    return error.message;
  }
}

function lossesOf({ fd }: XdpSocket): KernelLosses {
  const { dropped, ringFull, fillRingEmpty } = xdpStatistics(fd);
  // What finds no frame is in both (__xsk_rcv counts it as dropped, xp_alloc as an empty fill ring).
  return { dropped: Math.max(0, dropped - fillRingEmpty), ringFull, noFrames: fillRingEmpty };
}

/** What comes in by a queue without a worker would be lost. */
function checkQueues({ name }: Link, workers: number): void {
  const found = channels(name);
  if (found === undefined) return;
  const queues = Math.max(found.rx, 0) + Math.max(found.combined, 0);
  if (queues === 0 || queues === workers) return;
  const message =
    `${name} has ${queues} receive queues and tunnel.queues is ${workers}: ` +
    `set tunnel.queues to ${queues}, or the interface to ${workers} (ethtool -L ${name}).`;
  throw new SpangateError("BACKEND_UNAVAILABLE", message, { details: { interface: name, queues, workers } });
}
