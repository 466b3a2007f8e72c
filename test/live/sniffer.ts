// tcpdump on an interface: what a sniffer's owner would see. Knows when it listens, when it has everything that was handed to the
// interface before, and whether it lost anything.

import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "./lab.js";
import { onEachCpu } from "./namespace.js";
import type { Running } from "./running.js";
import { until } from "./until.js";

const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const PIECE = 1 << 20;
/** Known by its addresses, as a tag may be put behind them. The EtherType is IEEE 802's first for local experiments. */
const MARKER = Buffer.concat([
  Buffer.from("0200000000fe" + "0200000000ff" + "88b5", "hex"),
  Buffer.alloc(46),
]);
let sniffers = 0;

export interface SnifferOptions {
  /** Seen from the interface; `in` when absent: what arrives there. */
  readonly direction?: "in" | "out" | "inout";
  /** In tcpdump's words. */
  readonly filter?: string;
  /** KiB of frames that wait for tcpdump to write them. */
  readonly buffer?: number;
}

export class Sniffer {
  /** The capture file. Markers are in it. */
  readonly path: string;
  readonly #frames: Uint8Array[] = [];
  #markers = 0;
  #rest: Buffer = Buffer.alloc(0);
  #at = FILE_HEADER;
  #sent = 0;
  #tcpdump!: Running;

  private constructor(
    private readonly lab: Lab,
    private readonly namespace: string,
    private readonly name: string,
    private readonly direction: string,
  ) {
    this.path = join(lab.directory, `sniffer-${++sniffers}.pcap`);
  }

  /** Listens when this returns. */
  static async start(
    lab: Lab,
    namespace: string,
    name: string,
    { direction = "in", filter = "", buffer = 32 * 1024 }: SnifferOptions = {},
  ): Promise<Sniffer> {
    const sniffer = new Sniffer(lab, namespace, name, direction);
    const marked = filter === "" ? "" : `(${filter}) or ether dst 02:00:00:00:00:fe`;
    const args = [
      // Each frame is handed over at once and written at once, by root: the laboratory's directory is root's.
      ...["-i", name, "-Q", direction, "-n", "-s", "0", "-U", "--immediate-mode", "-Z", "root"],
      ...["-B", String(buffer), "-w", sniffer.path, ...(marked === "" ? [] : [marked])],
    ];
    // It says so after the socket is bound and the filter is set.
    sniffer.#tcpdump = await lab.start(namespace, "tcpdump", args, { ready: /listening on/ });
    return sniffer;
  }

  /** Every frame that is in the file by now, without markers. */
  frames(): readonly Uint8Array[] {
    const file = openSync(this.path, "r");
    try {
      const piece = Buffer.alloc(PIECE);
      for (;;) {
        const length = readSync(file, piece, 0, PIECE, this.#at);
        if (length === 0) return this.#frames;
        this.#at += length;
        this.#take(piece.subarray(0, length));
      }
    } finally {
      closeSync(file);
    }
  }

  /** Packets so far, as tcpdump counts them itself; markers are among them. */
  async count(): Promise<number> {
    const counts = () => [...this.#tcpdump.output.matchAll(/(\d+) packets? captured/g)];
    const before = counts().length;
    this.#tcpdump.kill("SIGUSR1");
    const [, count] = await until(
      () => counts()[before],
      () => `what ${this} has counted. ${this.#tcpdump.output}`,
    );
    return Number(count);
  }

  /** Waits until there are so many frames, or one that is asked for. Gives all of them. */
  async has(
    wanted: number | ((frame: Uint8Array) => boolean),
    timeout?: number,
  ): Promise<readonly Uint8Array[]> {
    let seen = 0;
    const isThere = () => {
      const frames = this.frames();
      if (typeof wanted === "number") return frames.length >= wanted;
      for (; seen < frames.length; seen++) if (wanted(frames[seen]!)) return true;
      return false;
    };
    const what = () => `${typeof wanted === "number" ? `${wanted} frames` : "a frame"} at ${this}`;
    await until(isThere, what, timeout).catch((error: Error) => {
      throw new Error(`${error.message}; ${this.#frames.length} came. ${this.#tcpdump.output}`);
    });
    return this.#frames;
  }

  /**
   * Waits until the file has all that was handed to the interface before this call, and gives it: sends a frame of its own behind,
   * from the cable's other end (or from this end, when only what leaves is listened to), on every processor, as each has a queue
   * of its own of frames under way.
   */
  async flush(): Promise<readonly Uint8Array[]> {
    const end =
      this.direction === "out"
        ? { namespace: this.namespace, name: this.name }
        : this.lab.peer(this.namespace, this.name);
    if (end === undefined)
      throw new Error(`${this} is no end of a cable: wait for a frame of the test's own`);
    const port = this.lab.port(end.namespace, end.name);
    let sent = 0;
    try {
      sent = onEachCpu(() => {
        if (!port.send(MARKER)) throw new Error(`No marker gets to ${this}`);
      });
    } finally {
      port.close();
    }
    this.#sent += sent;
    const isThere = () => this.frames() && this.#markers >= this.#sent;
    await until(isThere, () => `the marker at ${this}. ${this.#tcpdump.output}`);
    return this.#frames;
  }

  /** Stops listening; throws when tcpdump has lost frames. Gives all frames. */
  async stop(): Promise<readonly Uint8Array[]> {
    await this.#tcpdump.stop("SIGINT");
    // The last time it says so: it may have been asked before.
    const losses = [...this.#tcpdump.output.matchAll(/(\d+) packets? dropped by kernel/g)];
    const lost = Number(losses.at(-1)?.[1]);
    if (lost !== 0) throw new Error(`${this} lost ${lost} frames by itself:\n${this.#tcpdump.output}`);
    return this.frames();
  }

  /** All that was handed to the interface before this call, and no more. */
  async finish(): Promise<readonly Uint8Array[]> {
    await this.flush();
    return this.stop();
  }

  toString(): string {
    return `the sniffer on ${this.name} in ${this.namespace}`;
  }

  /** pcap in this machine's byte order, which is little-endian wherever these tests run. */
  #take(piece: Buffer): void {
    let data = Buffer.concat([this.#rest, piece]);
    while (data.length >= RECORD_HEADER) {
      const end = RECORD_HEADER + data.readUInt32LE(8);
      if (data.length < end) break;
      const frame = Uint8Array.from(data.subarray(RECORD_HEADER, end));
      if (MARKER.subarray(0, 12).equals(frame.subarray(0, 12))) this.#markers++;
      else this.#frames.push(frame);
      data = data.subarray(end);
    }
    this.#rest = data;
  }
}
