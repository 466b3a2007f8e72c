// The libpcap backend: the package cap gives each packet to the main thread, which puts it into a ring in linear memory for one worker. For
// kernels and containers where nothing else of AF_PACKET's can be had, and as a yardstick: it costs what a call of JavaScript a packet costs.
//
// What cap does by itself, and what is done about it here (cap 0.2.1, src/binding.cc):
// - it keeps a raw pointer to its buffer: the buffer is linear memory, which never moves;
// - it calls for packet after packet until there is none, and nothing else of the main thread's has a turn meanwhile: after TURN packets
//   the kernel has others go elsewhere, where they are counted, until there has been one;
// - it ends the process by an assertion when its socket has an error, as when the interface goes down: the socket is bound to every
//   interface, which has none, and the filter looks at the interface;
// - it asks nobody what was lost: the socket is asked.

import { createRequire } from "node:module";
import type { Address } from "../config/addresses.js";
import { SpangateError } from "../errors.js";
import { close, ForeignPacketSocket, type Link, type SilentSocket, wake } from "../linux/index.js";
import { type KernelLosses, NO_LOSSES } from "../telemetry/losses.js";
import type { TunnelPort } from "./live.js";
import { toldWords } from "./memory-tunnel.js";
import { tunnelFilter } from "./packet-filter.js";
import { merged, silence } from "./silence.js";
import { approximateTime } from "./system-time.js";

/** What is used of cap, which has no types. */
interface Cap {
  open(device: string, filter: string, bufferSize: number, buffer: Uint8Array): string;
  on(event: "packet", listener: (length: number) => void): void;
  close(): void;
}

/** A ring, as far as frames are put into it from linear memory (engine/arrival-ring.ts). */
export interface AppendedFrames {
  append(from: number, length: number, time: number): boolean;
  handOver(): number;
  readonly waiting: number;
  readonly isEmpty: boolean;
}

export interface PcapTunnelOptions {
  readonly link: Link;
  /** The gateway's own tunnel addresses. */
  readonly addresses: readonly Address[];
  /** UDP ports of the tunnels. */
  readonly ports: readonly number[];
  readonly ring: AppendedFrames;
  /** Where a packet comes to lie, LANDING bytes: at this offset of linear memory, which never moves. */
  readonly landing: { readonly address: number; readonly memory: Uint8Array };
  /** Wakes the worker (eventfd). It is closed with the port. */
  readonly event: number;
}

/** libpcap cuts what is longer. */
export const LANDING = 65_536;
/** Bytes of libpcap's ring: 16,384 frames where the MTU is 1,500 and nothing is merged. */
const BUFFER = 32 << 20;
/** Frames that are worth waking the worker for while more come. */
const BATCH = 32;
/**
 * Packets for which cap may have the main thread for itself: a ring of them, the twentieth part of a second as fast as it is. Not a time:
 * of that others of the machine may have had the most, and what has come meanwhile is in the ring.
 */
export const TURN = 16_384;
/** Packets between two looks at the clock. */
const LOOK = 16;
/** Milliseconds after which what was accepted has come. */
const PATIENCE = 25;

export class PcapTunnelPort implements TunnelPort<AppendedFrames> {
  readonly description = "libpcap";
  readonly warning: string;
  readonly ends: readonly AppendedFrames[];
  /** Where the worker tells (TOLD). */
  readonly told = toldWords();
  readonly #options: PcapTunnelOptions;
  readonly #silent: readonly SilentSocket[];
  readonly #cap: Cap;
  readonly #socket: ForeignPacketSocket;
  /** Packets that came before there was a filter: nobody knows whose they are. */
  #early: number;
  /** Packets that the socket had no room for when it was asked last, and that the ring had none for. */
  #lost = 0;
  #refused = 0;
  #time = 0;
  /** Packets since cap has the main thread. */
  #count = 0;
  #isResting = false;
  #isOpen = true;

  private constructor(
    options: PcapTunnelOptions,
    silent: readonly SilentSocket[],
    { cap, socket }: { readonly cap: Cap; readonly socket: ForeignPacketSocket },
  ) {
    const { link, addresses, ports, ring } = options;
    this.ends = [ring];
    this.#options = options;
    this.#silent = silent;
    this.#cap = cap;
    this.#socket = socket;
    const cannot =
      "one worker, the time at which the main thread takes a packet, and no length of what is over 65,535 bytes";
    const merging = merged(link);
    this.warning = [cannot, ...(merging === undefined ? [] : [merging])].join("; ");
    this.#early = socket.accept(tunnelFilter(addresses, ports, link.index));
    cap.on("packet", (length) => this.#take(length));
  }

  /** @throws SpangateError BACKEND_UNAVAILABLE without the package or libpcap, NOT_PERMITTED, SYSTEM_CALL */
  static open(options: PcapTunnelOptions): PcapTunnelPort {
    const { link, addresses, ports, landing } = options;
    const buffer = Buffer.from(landing.memory.buffer, landing.address, LANDING);
    const opened: { close(): void }[] = [];
    const keep = <T extends { close(): void }>(each: T): T => {
      opened.push(each);
      return each;
    };
    try {
      const cap = keep(newCap());
      const silent = silence(addresses, ports, { keep });
      const { value: type, socket } = ForeignPacketSocket.openedBy(
        () => opening(link, () => cap.open(link.name, "", BUFFER, buffer)),
        `receive from ${link.name}`,
      );
      if (type !== "ETHERNET")
        throw unavailable(`${link.name} gives libpcap no Ethernet frames but ${type}.`);
      if (socket === undefined) throw unavailable("libpcap has not opened one AF_PACKET socket.");
      keep(socket);
      return new PcapTunnelPort(options, silent, { cap, socket });
    } catch (error) {
      for (const each of opened.reverse()) each.close();
      throw error;
    }
  }

  /** One packet lies in the buffer, until this returns. */
  #take(length: number): void {
    if (this.#early > 0) {
      this.#early--;
      return;
    }
    const count = this.#count++;
    if (count % LOOK === 0) this.#time = approximateTime();
    if (count === 0) setImmediate(() => this.#turn());
    if (count === TURN) this.#rest(true);
    const { ring, landing } = this.#options;
    if (!ring.append(landing.address, length, this.#time)) this.#refused++;
    if (ring.waiting >= BATCH && ring.isEmpty) this.#handOver();
  }

  /** It is somebody else's turn. */
  #turn(): void {
    this.#count = 0;
    if (!this.#isOpen) return;
    this.#handOver();
    if (this.#isResting) this.#rest(false);
  }

  #rest(isResting: boolean): void {
    this.#isResting = isResting;
    this.#socket.rest(isResting);
  }

  #handOver(): void {
    const { ring, event } = this.#options;
    if (ring.handOver() > 0) wake(event);
  }

  losses(): KernelLosses {
    if (this.#isOpen) this.#lost = this.#socket.lost();
    return { ...NO_LOSSES, ringFull: this.#lost + this.#refused };
  }

  async detach(): Promise<void> {
    if (!this.#isOpen) return;
    this.#socket.refuse();
    await new Promise((resolve) => setTimeout(resolve, PATIENCE));
    await new Promise((resolve) => setImmediate(resolve));
    this.#end();
  }

  #end(): void {
    if (!this.#isOpen) return;
    this.#handOver();
    this.#lost = this.#socket.lost();
    this.#isOpen = false;
    this.#cap.close();
  }

  close(): void {
    this.#end();
    this.#socket.close();
    close(this.#options.event);
    for (const socket of this.#silent) socket.close();
  }
}

const INSTALL = "apt-get install libpcap-dev && npm install cap";
const REBUILD = "apt-get install libpcap-dev && npm rebuild cap";

function newCap(): Cap {
  const require = createRequire(import.meta.url);
  let found: { Cap: new () => Cap };
  try {
    require.resolve("cap");
  } catch (cause) {
    throw unavailable(`The package cap is not installed: ${INSTALL}.`, cause);
  }
  try {
    found = require("cap") as typeof found;
  } catch (cause) {
    const why = (cause as Error).message.split("\n")[0];
    throw unavailable(`The package cap does not load (${why}): ${REBUILD}.`, cause);
  }
  return new found.Cap();
}

/** cap throws what libpcap says. */
function opening<T>(link: Link, open: () => T): T {
  try {
    return open();
  } catch (cause) {
    const why = (cause as Error).message;
    const message = `Cannot receive from ${link.name} by libpcap: ${why}.`;
    if (/permi/i.test(why))
      throw new SpangateError("NOT_PERMITTED", `${message} It takes root, or CAP_NET_RAW.`, { cause });
    throw unavailable(message, cause);
  }
}

function unavailable(message: string, cause?: unknown): SpangateError {
  return new SpangateError("BACKEND_UNAVAILABLE", message, { cause });
}
