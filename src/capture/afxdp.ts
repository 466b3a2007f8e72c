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
  type FrameMemory,
  type Link,
  loadProgram,
  setOffload,
  updateMap,
  XDP_HAS_FRAGS,
  type XdpMode,
  XdpSocket,
  xdpStatistics,
} from "../linux/index.js";
import { addLosses, type KernelLosses, NO_LOSSES } from "../telemetry/losses.js";
import type { TunnelPort } from "./live.js";
import { tunnelProgram } from "./steering.js";

/**
 * Not `auto`: a driver that writes to the frames itself refuses every one that lies over two pages which are not neighbours for it
 * (xp_check_unaligned), and so half of ours; what it refuses never comes back. It takes huge pages, or chunks of a page.
 */
const COPY = "copy";

/** How a frame gets into a program: `auto` tries the driver first. */
export type XdpChoice = XdpMode | "auto";

export interface XdpTunnelOptions {
  readonly link: Link;
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

export class XdpTunnelPort implements TunnelPort<XdpSocket> {
  readonly description: string;
  readonly seats: readonly XdpSocket[];
  readonly #descriptors: number[];
  readonly #restore: () => void;
  #link: number | undefined;

  private constructor(
    sockets: readonly XdpSocket[],
    link: number,
    others: number[],
    mode: XdpMode,
    restore: () => void,
  ) {
    this.seats = sockets;
    this.#link = link;
    this.#descriptors = others;
    this.#restore = restore;
    const copy = sockets.every((socket) => socket.isZeroCopy) ? "zero-copy" : "copy";
    this.description = `afxdp, ${mode === "native" ? "in the driver" : "on socket buffers"}, ${copy}`;
  }

  /** @throws SpangateError BACKEND_UNAVAILABLE, NOT_PERMITTED, SYSTEM_CALL */
  static async open(options: XdpTunnelOptions): Promise<XdpTunnelPort> {
    const { link, memories } = options;
    checkQueues(link, memories.length);
    // A tag that the driver has taken off is lost: AF_XDP gives the frame as it lies.
    const restore = setOffload(link.name, "rxVlan", false) ? () => putBack(link) : () => {};
    const opened: (() => void)[] = [restore];
    try {
      const sockets: XdpSocket[] = [];
      for (const [queue, memory] of memories.entries()) {
        const socket = await XdpSocket.open(memory, {
          interfaceIndex: link.index,
          interfaceName: link.name,
          queue,
          rx: options.ring,
          fill: options.ring,
          completion: options.transmit ?? MINIMAL_RING,
          ...(options.transmit === undefined ? {} : { tx: options.transmit }),
          jumbo: true,
          copy: COPY,
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
      const { fd, mode } = attach(program, link, options.mode);
      return new XdpTunnelPort(sockets, fd, [program, map], mode, restore);
    } catch (error) {
      for (const undo of opened.reverse()) undo();
      throw error;
    }
  }

  losses(): KernelLosses {
    return this.seats.map(lossesOf).reduce(addLosses, NO_LOSSES);
  }

  async detach(): Promise<void> {
    this.#detach();
  }

  #detach(): void {
    if (this.#link !== undefined) close(this.#link);
    this.#link = undefined;
  }

  close(): void {
    this.#detach();
    for (const socket of this.seats) socket.close();
    for (const fd of this.#descriptors.splice(0)) close(fd);
    this.#restore();
  }
}

/** The interface as it was, as far as one may: a gateway that was sealed, or an interface that is gone, leaves it. */
function putBack({ name }: Link): void {
  try {
    setOffload(name, "rxVlan", true);
  } catch (error) {
    if (!(error instanceof SpangateError)) throw error;
  }
}

/** A socket always has a completion ring. */
const MINIMAL_RING = 64;

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

/** Attaches a program in the driver, or where `choice` allows it behind it. */
export function attach(program: number, link: Link, choice: XdpChoice): { fd: number; mode: XdpMode } {
  const modes: XdpMode[] = choice === "auto" ? ["native", "skb"] : [choice];
  let reason: unknown;
  for (const mode of modes) {
    try {
      return { fd: attachXdp(program, link.index, mode, `attach an XDP program to ${link.name}`), mode };
    } catch (error) {
      reason ??= error;
    }
  }
  throw reason;
}
