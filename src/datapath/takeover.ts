// How a gateway takes the place of another one that runs, without losing what comes in between.
//
// A queue takes one AF_XDP socket and an interface one program, so the second gateway can have neither before the first has let go; and
// the kernel takes some 20 ms for that (synchronize_net, twice a worker). AF_PACKET sees every frame that no program takes, for as many
// sockets as there are. So everything is made before: sockets with their rings, loaded programs, worker threads that wait. Then
//
//     the first has no program any more ─▶ the bridge, a ring of AF_PACKET, holds what comes ─▶ the second has queue and program
//
// and its workers take what is on the bridge first. A gateway that receives by AF_PACKET needs no bridge: its own ring is one.
//
// A driver may begin anew when a program is taken from it or given to it, and lose what it has by then. So the first lends its program's
// link to the second (a descriptor, by SCM_RIGHTS), which puts its own in that place, at once, and with a bridge one that passes
// everything on until there are sockets.

import type { Attached, Handed, Heir, TunnelPort } from "../capture/live.js";
import { SpangateError } from "../errors.js";
import { arrivedPackets, close, type Link, Mailbox, sendDescriptors, updateLink } from "../linux/index.js";
import { type KernelLosses, NO_LOSSES } from "../telemetry/losses.js";
import type { AttachedGuard, DeliveryPort } from "../transmit/live.js";
import type { SideOptions } from "./backend.js";
import { BRIDGE, BRIDGE_WORDS, type BridgedSeat } from "./bridge-seat.js";
import { STATES } from "./live-control.js";
import type { OpenedPorts } from "./live-ports.js";
import type { LiveThread } from "./live-thread-handle.js";
import { openPacketTunnel } from "./packet-ports.js";
import type { XdpSeat } from "./xdp-seat.js";

/** How long the first may take to let go, in milliseconds: it drains before. */
const PATIENCE = 3000;
/** How long workers may take to empty the bridge when nothing more comes over it. */
const CROSSING = 2000;

/** What the gateway that lets go says then. */
export interface LetGo extends Handed {
  /** Packets that it has received so far. */
  readonly received: number;
  /** Packets that had come in by the tunnel's interface, of any kind. */
  readonly arrived?: number | undefined;
}

/** Descriptors in a message, by their places: of links and programs on the interfaces. */
export interface Lent {
  readonly tunnel?: Attached | undefined;
  readonly delivery?: AttachedGuard | undefined;
}

/** The gateway whose place is taken. */
export interface Predecessor {
  /** What it takes AF_PACKET does not see. */
  readonly takesFirst: boolean;
  /** Has it send its programs to the mailbox of this name. Gives which they are: places in the message in place of descriptors. */
  lend(mailbox: string): Promise<Lent>;
  /** Resolves when nothing comes in to it any more. It has nothing to do then but to send what is queued. */
  letGo(): Promise<LetGo>;
}

/** How a gateway took another's place. */
export interface TakeoverReport {
  /** Packets that the other one had received. */
  readonly before: number;
  /** From its last packet to the first that workers took of what came next, in milliseconds. */
  readonly milliseconds: number;
  /** Packets that nobody had, at the most; undefined when that is not known. What the bridge had no room for is among the kernel's losses. */
  readonly lost: number | undefined;
}

export interface TakeoverOptions {
  readonly ports: OpenedPorts;
  readonly tunnel: Link;
  readonly side: SideOptions;
}

export class Takeover {
  /** Those of the ports, and with a bridge in front of each. */
  readonly seats: OpenedPorts["seats"];
  readonly #ports: OpenedPorts;
  readonly #tunnel: Link;
  /** Where what comes is held: the bridge, or the port itself. */
  readonly #catcher: Catcher;
  readonly #words: readonly Int32Array[];
  #losses: KernelLosses = NO_LOSSES;
  #isClosed = false;

  private constructor(
    { ports, tunnel }: TakeoverOptions,
    catcher: Catcher,
    bridged: readonly BridgedSeat[] | undefined,
  ) {
    this.#ports = ports;
    this.#tunnel = tunnel;
    this.#catcher = catcher;
    this.#words = bridged?.map(({ words }) => words) ?? [];
    this.seats = ports.seats.map((seat, i) => ({ ...seat, tunnel: bridged?.[i] ?? seat.tunnel }));
  }

  /** @throws SpangateError UNSUPPORTED for other backends, and what opening a bridge throws */
  static open(options: TakeoverOptions): Takeover {
    const { ports, tunnel: link, side } = options;
    if (isCatcher(ports.tunnel)) return new Takeover(options, ports.tunnel, undefined);
    const behind = ports.seats.flatMap(({ tunnel }) => (tunnel.kind === "afxdp" ? [tunnel] : []));
    if (behind.length < ports.seats.length) {
      const message = `--replace cannot take over with ${ports.tunnel.description}: end the other gateway, and start this one without.`;
      throw new SpangateError("UNSUPPORTED", message);
    }
    const bridge = openPacketTunnel({ ...side, held: true, link, isShared: false }, true);
    const bridged = behind.map((seat: XdpSeat, i) => ({
      kind: "bridged" as const,
      bridge: bridge.seats[i]!,
      behind: seat,
      words: new Int32Array(new SharedArrayBuffer(4 * BRIDGE_WORDS)),
    }));
    return new Takeover(options, bridge.port, bridged);
  }

  /** Packets for which there was no room on the bridge. */
  get losses(): KernelLosses {
    return this.#losses;
  }

  get #hasBridge(): boolean {
    return this.#words.length > 0 && !this.#isClosed;
  }

  /** Workers wait, ready. @throws SpangateError of what the other one answers, or SYSTEM_CALL when it does not let go */
  async run(predecessor: Predecessor, threads: readonly LiveThread[]): Promise<TakeoverReport> {
    const { tunnel, delivery } = this.#ports;
    // Both would have what comes while both may see it: better that nobody has it.
    if (predecessor.takesFirst) this.#catcher.accept();
    const adopted = await adopt(predecessor, tunnel as TunnelPort & Partial<Heir>, delivery);
    const before = await adopted.keptWhen(() => predecessor.letGo());
    const since = performance.now();
    if (!predecessor.takesFirst) this.#catcher.accept();
    const arrived = arrivedPackets(this.#tunnel.name);
    await tunnel.take?.(PATIENCE);
    await delivery.take?.(PATIENCE);
    (tunnel as Partial<Heir>).inherit?.(before);
    for (const thread of threads) thread.tell(STATES.running);
    const milliseconds = performance.now() - since;
    if (this.#hasBridge) await this.#close(threads);
    const lost = predecessor.takesFirst ? 0 : difference(arrived, before.arrived);
    return { before: before.received, milliseconds, lost };
  }

  /** AF_XDP has what comes from now on. */
  async #close(threads: readonly LiveThread[]): Promise<void> {
    await this.#catcher.detach();
    for (const words of this.#words) Atomics.store(words, BRIDGE.closed, 1);
    const since = performance.now();
    while (this.#words.some((words) => Atomics.load(words, BRIDGE.crossed) === 0)) {
      if (performance.now() - since > CROSSING)
        throw new Error("A worker does not take what is on the bridge.");
      for (const thread of threads) thread.wake();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    this.#losses = this.#catcher.losses();
    this.close();
  }

  /** Nothing is behind the bridge, or nobody comes over it any more. */
  close(): void {
    if (this.#hasBridge) this.#catcher.close();
    this.#isClosed = true;
  }
}

interface Catcher extends TunnelPort {
  accept(): void;
}

function isCatcher(port: TunnelPort): port is Catcher {
  return "accept" in port;
}

function difference(after: number | undefined, before: number | undefined): number | undefined {
  return after === undefined || before === undefined ? undefined : Math.max(0, after - before);
}

/** Programs of this process, and what of them is told beside: places in the message. */
export function lend(
  mailbox: string,
  tunnel: Attached | undefined,
  delivery: AttachedGuard | undefined,
): Lent {
  const descriptors: number[] = [];
  const place = (fd: number) => descriptors.push(fd) - 1;
  const lent = {
    tunnel: tunnel && { ...tunnel, link: place(tunnel.link), program: place(tunnel.program) },
    delivery: delivery && { ...delivery, link: place(delivery.link) },
  };
  if (descriptors.length > 0) sendDescriptors(mailbox, descriptors);
  return lent;
}

interface Adopted {
  /** If `work` fails, the other gateway has its program again. */
  keptWhen<T>(work: () => Promise<T>): Promise<T>;
}

/** Puts the ports' programs in the places of the other gateway's, as far as they fit. */
async function adopt(
  predecessor: Predecessor,
  tunnel: TunnelPort & Partial<Heir>,
  delivery: DeliveryPort,
): Promise<Adopted> {
  const mailbox = Mailbox.open();
  let descriptors: number[] = [];
  let theirs: Attached | undefined;
  const used = new Set<number>();
  try {
    const lent = await predecessor.lend(mailbox.name);
    if (lent.tunnel === undefined && lent.delivery === undefined) return { keptWhen: (work) => work() };
    descriptors = mailbox.take();
    const real = (place: number) => descriptors[place]!;
    const guard = lent.delivery && { ...lent.delivery, link: real(lent.delivery.link) };
    if (guard !== undefined && delivery.adopt?.(guard)) used.add(guard.link);
    const attached = lent.tunnel && {
      ...lent.tunnel,
      link: real(lent.tunnel.link),
      program: real(lent.tunnel.program),
    };
    if (attached !== undefined && tunnel.adopt?.(attached)) {
      theirs = attached;
      used.add(attached.link).add(attached.program);
    }
  } finally {
    mailbox.close();
    for (const fd of descriptors) if (!used.has(fd)) close(fd);
  }
  return {
    async keptWhen(work) {
      try {
        return await work();
      } catch (error) {
        if (theirs !== undefined) updateLink(theirs.link, theirs.program);
        throw error;
      } finally {
        if (theirs !== undefined) close(theirs.program);
      }
    },
  };
}
