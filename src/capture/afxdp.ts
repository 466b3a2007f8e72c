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
  updateLink,
  updateMap,
  whileBusy,
  XDP_HAS_FRAGS,
  type XdpChoice,
  type XdpLink,
  XdpSocket,
  xdpStatistics,
} from "../linux/index.js";
import { addLosses, type KernelLosses, NO_LOSSES } from "../telemetry/losses.js";
import type { Attached, Handed, Handover, Heir, TunnelPort } from "./live.js";
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
  /** Another gateway has the interface: nothing is bound or attached before `take`. */
  readonly held: boolean;
}

interface Parts {
  readonly options: XdpTunnelOptions;
  readonly sockets: readonly XdpSocket[];
  /** Descriptors of the program and of its map of the sockets. */
  readonly program: number;
  readonly map: number;
  /** Of the program that passes what is ours to the kernel as long as there are no sockets: of a port that is held. */
  readonly passing: number | undefined;
  /** The VLAN offload was on before. */
  readonly hadRxVlan: boolean;
}

/** Milliseconds that a driver may take to hand over what it has received when the program is taken from it. */
const LAST_FRAMES = 2;

export class XdpTunnelPort implements TunnelPort<XdpSocket>, Heir {
  readonly ends: readonly XdpSocket[];
  readonly #options: XdpTunnelOptions;
  readonly #program: number;
  readonly #map: number;
  readonly #passing: number | undefined;
  #link: XdpLink | undefined;
  #isAttached = false;
  /** The VLAN offload is to be on again in the end. */
  #hadRxVlan: boolean;
  #notRestored: string | undefined;

  private constructor({ options, sockets, program, map, passing, hadRxVlan }: Parts) {
    this.#passing = passing;
    this.#options = options;
    this.ends = sockets;
    this.#program = program;
    this.#map = map;
    this.#hadRxVlan = hadRxVlan;
  }

  /** @throws SpangateError BACKEND_UNAVAILABLE, NOT_PERMITTED, SYSTEM_CALL */
  static async open(options: XdpTunnelOptions): Promise<XdpTunnelPort> {
    const { link, memories } = options;
    checkQueues(link, memories.length);
    // A tag that the driver has taken off is lost: AF_XDP gives the frame as it lies.
    const hadRxVlan = setOffload(link.name, "rxVlan", false);
    const opened: (() => unknown)[] = hadRxVlan ? [() => putBack(link)] : [];
    try {
      const sockets: XdpSocket[] = [];
      for (const [queue, memory] of memories.entries()) {
        const socket = XdpSocket.make(memory, {
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
      const load = (fallback: "drop" | "pass") => {
        const instructions = tunnelProgram(options.addresses, options.ports, map, fallback);
        const program = loadProgram(instructions, "spangate_tunnel", XDP_HAS_FRAGS);
        opened.push(() => close(program));
        return program;
      };
      const program = load("drop");
      const passing = options.held ? load("pass") : undefined;
      const port = new XdpTunnelPort({ options, sockets, program, map, passing, hadRxVlan });
      if (!options.held) await port.take();
      return port;
    } catch (error) {
      for (const undo of opened.reverse()) undo();
      throw error;
    }
  }

  get description(): string {
    return `afxdp, ${this.#link?.mode === "skb" ? "on socket buffers" : "in the driver"}, copy`;
  }

  async take(patience?: number): Promise<void> {
    const { link, mode } = this.#options;
    for (const socket of this.ends) await socket.bind(patience);
    for (const [queue, socket] of this.ends.entries()) updateMap(this.#map, queue, socket.fd);
    if (this.#isAttached) updateLink(this.#link!.fd, this.#program);
    else this.#link = await whileBusy(() => attachXdp(this.#program, link, mode), patience ?? 0);
    this.#isAttached = true;
  }

  adopt({ link: fd, mode, index }: Attached): boolean {
    const { link, mode: wanted } = this.#options;
    if (this.#passing === undefined || index !== link.index || (wanted !== "auto" && wanted !== mode))
      return false;
    updateLink(fd, this.#passing);
    this.#link = { fd, mode };
    this.#isAttached = true;
    return true;
  }

  get #attached(): Attached | undefined {
    if (!this.#isAttached) return undefined;
    const { fd, mode } = this.#link!;
    return { link: fd, program: this.#program, mode, index: this.#options.link.index };
  }

  readonly handover: Handover = {
    takesFirst: true,
    attached: () => this.#attached,
    share: () => {},
    letGo: async () => {
      const rxVlan = this.#hadRxVlan;
      this.#hadRxVlan = false;
      this.#closeLink();
      await new Promise((resolve) => setTimeout(resolve, LAST_FRAMES));
      return { rxVlan };
    },
  };

  inherit({ rxVlan }: Handed): void {
    this.#hadRxVlan ||= rxVlan;
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
    if (this.#isAttached) close(this.#link!.fd);
    this.#isAttached = false;
  }

  close(): void {
    this.#closeLink();
    for (const socket of this.ends) socket.close();
    close(this.#program);
    if (this.#passing !== undefined) close(this.#passing);
    close(this.#map);
    this.#notRestored = this.#hadRxVlan ? putBack(this.#options.link) : undefined;
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
