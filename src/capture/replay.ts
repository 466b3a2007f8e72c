// A capture in place of the tunnel's interface: its frames come again when their time has come, as they were recorded, faster or slower,
// or as fast as they are taken.

import { constants, open } from "node:fs";
import { stat } from "node:fs/promises";
import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { READ_AREA_LENGTH } from "./frame-reader.js";
import type { CapturedFrame } from "./frames.js";
import { type FrameBatch, heapArea } from "./memory.js";
import { CaptureReader } from "./reader.js";
import { ioFailed } from "./source.js";
import { steadyTime } from "./system-time.js";

/** Who takes the frames (memory-tunnel.ts). */
export interface ReplayTarget {
  pushAll(frames: readonly CapturedFrame[], now: () => bigint): Promise<void>;
  done(of: "processed" | "settled"): Promise<void>;
}

/** What time it is, in nanoseconds since 1970 and never set anew, and how to wait. */
export interface Clock {
  now(): bigint;
  /** May end early, and does when `signal` says so. */
  sleep(nanoseconds: number, signal: AbortSignal): Promise<void>;
}

export interface ReplayOptions {
  /** How many times as fast as recorded; `max`: as fast as frames are taken. */
  readonly speed: number | "max";
  /** Frames after which those before are waited for, until nothing of them is queued. Without it nobody waits. */
  readonly window?: number | undefined;
  readonly clock?: Clock;
}

const openFile = promisify(open);
const BATCH = 256;
/** A timer takes no longer time, in milliseconds. */
const LONGEST_SLEEP = 2 ** 31 - 1;

const SYSTEM_CLOCK: Clock = {
  now: steadyTime,
  sleep: (nanoseconds, signal) =>
    sleep(Math.min(Math.ceil(nanoseconds / 1e6), LONGEST_SLEEP), undefined, { signal }).catch(() => {}),
};

export class Replay {
  readonly #path: string;
  readonly #area = heapArea(READ_AREA_LENGTH);
  readonly #stopped = new AbortController();
  /** What is no file: nobody knows when it begins. */
  readonly #stream: Readable | undefined;
  #reader: CaptureReader | undefined;

  private constructor(path: string, stream: Readable | undefined) {
    this.#path = path;
    this.#stream = stream;
  }

  /**
   * Opens a capture. What is wrong with the beginning of a pipe, or of standard input (`-`), `run` finds.
   *
   * @throws SpangateError IO_FAILED, CAPTURE_MAGIC, CAPTURE_CORRUPT, CAPTURE_TRUNCATED
   */
  static async open(path: string): Promise<Replay> {
    const replay = new Replay(path, path === "-" ? process.stdin : await pipeAt(path));
    if (replay.#stream === undefined) await replay.#open();
    return replay;
  }

  async #open(): Promise<CaptureReader> {
    const name = this.#path === "-" ? "standard input" : this.#path;
    this.#reader ??=
      this.#stream === undefined
        ? await CaptureReader.open(this.#path, this.#area)
        : await CaptureReader.fromStream(this.#stream, name, this.#area);
    return this.#reader;
  }

  /**
   * Resolves when the last frame is processed, or after `stop`. Rejects with what is wrong with the file (`FrameReader.advance`), when
   * all frames before are processed.
   */
  async run(target: ReplayTarget, options: ReplayOptions): Promise<void> {
    try {
      const reader = await this.#open();
      const pace = new Pace(options, this.#stopped.signal);
      do {
        for (let frames = this.#next(reader); frames.length > 0; frames = this.#next(reader)) {
          for (let first = 0; first < frames.length; ) {
            const count = await pace.due(frames, first);
            if (this.#stopped.signal.aborted) return;
            await target.pushAll(frames.slice(first, first + count), pace.now);
            if (options.window !== undefined) await target.done("settled");
            first += count;
          }
        }
      } while (!this.#stopped.signal.aborted && (await reader.advance()));
    } catch (error) {
      if (!this.#stopped.signal.aborted) throw error;
    } finally {
      await target.done("processed");
    }
  }

  /** The next frames of the chunk; they stay where they are until `advance`. */
  #next(reader: CaptureReader): CapturedFrame[] {
    const bytes = this.#area.bytes();
    const frames: CapturedFrame[] = [];
    const batch: FrameBatch = {
      get room() {
        return BATCH - frames.length;
      },
      push(address, captured, original, timeHigh, timeLow, linkType) {
        frames.push({
          data: bytes.subarray(address, address + captured),
          originalLength: original,
          timestamp: (BigInt(timeHigh) << 32n) | BigInt(timeLow),
          linkType,
        });
      },
    };
    reader.next(batch);
    return frames;
  }

  /** No frame comes any more. */
  stop(): void {
    this.#stopped.abort();
    this.#stream?.destroy();
    this.#reader?.close().catch(() => {});
  }
}

/** The pipe at `path`, if it is one, as a stream: a thread that reads or opens it waits for whoever writes, even at the end. */
async function pipeAt(path: string): Promise<Readable | undefined> {
  const isPipe = (await stat(path).catch(() => undefined))?.isFIFO() === true;
  if (!isPipe) return undefined;
  try {
    const fd = await openFile(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return new Socket({ fd, readable: true, writable: false });
  } catch (error) {
    throw ioFailed("open", path, error);
  }
}

/** When each frame comes. The first one comes at once, and those whose time lies before one that has come do, too. */
class Pace {
  readonly now: () => bigint;
  readonly #clock: Clock;
  readonly #speed: number | "max";
  readonly #most: number;
  readonly #signal: AbortSignal;
  /** Of the first frame: when it was recorded and when it came. */
  #recorded: bigint | undefined;
  #began = 0n;

  constructor({ speed, window = BATCH, clock = SYSTEM_CLOCK }: ReplayOptions, signal: AbortSignal) {
    this.now = () => clock.now();
    this.#clock = clock;
    this.#speed = speed;
    this.#most = window;
    this.#signal = signal;
  }

  /** Waits until the frame at place `first` is due. Gives how many are then, it and those behind it. */
  async due(frames: readonly CapturedFrame[], first: number): Promise<number> {
    const end = Math.min(frames.length, first + this.#most);
    if (this.#speed === "max") return end - first;
    if (this.#recorded === undefined) {
      this.#recorded = frames[first]!.timestamp;
      this.#began = this.#clock.now();
    }
    for (;;) {
      const left = this.#left(frames[first]!, this.#speed);
      if (left <= 0 || this.#signal.aborted) break;
      await this.#clock.sleep(left, this.#signal);
    }
    let next = first + 1;
    while (next < end && this.#left(frames[next]!, this.#speed) <= 0) next++;
    return next - first;
  }

  /** Nanoseconds until a frame is due. */
  #left({ timestamp }: CapturedFrame, speed: number): number {
    return Number(timestamp - this.#recorded!) / speed - Number(this.#clock.now() - this.#began);
  }
}
