// The libpcap backend: the package cap gives each packet to the main thread, which puts it into a ring in linear memory for one worker. For
// kernels and containers where nothing else of AF_PACKET's can be had, and as a yardstick: it costs what a call of JavaScript a packet costs.
//
// What cap does by itself, and what is done about it here (cap 0.2.1, src/binding.cc):
// - it keeps a raw pointer to its buffer: the buffer is linear memory, which never moves;
// - it calls for packet after packet until there is none, and nothing else of the main thread's has a turn meanwhile: after TURN the
//   kernel is told to accept none until there has been one;
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
/** Milliseconds that cap may have the main thread for itself. */
const TURN = 100;
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
  readonly #filter: Uint8Array;
  /** Packets that came before there was a filter: nobody knows whose they are. */
  #early: number;
  /** Packets that the socket had no room for when it was asked last, and that the ring had none for. */
  #lost = 0;
  #refused = 0;
  #count = 0;
  #time = 0;
  /** Since when cap has the main thread, as far as is known; undefined: it has not. */
  #since: number | undefined;
  #isHeld = false;
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
    this.#filter = tunnelFilter(addresses, ports, link.index);
    this.#early = socket.accept(this.#filter);
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
    if (this.#since === undefined) {
      this.#since = performance.now();
      this.#time = approximateTime();
      setImmediate(() => this.#turn());
    } else if (this.#count++ % LOOK === 0) {
      this.#time = approximateTime();
      if (!this.#isHeld && performance.now() - this.#since > TURN) this.#hold();
    }
    const { ring, landing } = this.#options;
    if (!ring.append(landing.address, length, this.#time)) this.#refused++;
    if (ring.waiting >= BATCH && ring.isEmpty) this.#handOver();
  }

  /** It is somebody else's turn. */
  #turn(): void {
    this.#since = undefined;
    if (!this.#isOpen) return;
    this.#handOver();
    if (this.#isHeld) this.#socket.change(this.#filter);
    this.#isHeld = false;
  }

  #hold(): void {
    this.#isHeld = true;
    this.#socket.refuse();
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
    // Not to be undone by a turn.
    this.#isHeld = false;
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
