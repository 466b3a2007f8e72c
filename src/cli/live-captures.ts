// Captures in place of a live gateway's interfaces: one whose packets come again, and one that what goes out is written into.

import { Recording } from "../capture/recording.js";
import { Replay } from "../capture/replay.js";
import type { LiveGateway } from "../datapath/live.js";

export interface CaptureFlags {
  readonly replay?: string;
  readonly speed?: number | "max";
  readonly record?: string;
}

export class LiveCaptures {
  readonly #replay: Replay | undefined;
  readonly #speed: number | "max";
  readonly #record: string | undefined;
  #recording: Recording | undefined;

  private constructor(replay: Replay | undefined, { speed = 1, record }: CaptureFlags) {
    this.#replay = replay;
    this.#speed = speed;
    this.#record = record;
  }

  /** Opens the capture that is replayed. @throws SpangateError IO_FAILED, and what is wrong with its beginning */
  static async open(flags: CaptureFlags): Promise<LiveCaptures> {
    const { replay } = flags;
    return new LiveCaptures(replay === undefined ? undefined : await Replay.open(replay), flags);
  }

  /** Nothing refuses the gateway any more: a recording that was there before is emptied now. @throws SpangateError IO_FAILED */
  async begin(): Promise<void> {
    if (this.#record !== undefined) this.#recording = await Recording.open(this.#record);
  }

  /** Resolves when the replay is over; without one never. Rejects when a capture cannot be read or written. */
  run(gateway: LiveGateway): Promise<void> {
    const replay = this.#replay;
    const recording = this.#recording;
    const works: Promise<void>[] = [];
    if (recording !== undefined) works.push(gateway.deliver(recording).then(() => never()));
    if (replay !== undefined && gateway.tunnel !== undefined) {
      // Whoever may wait for the writer does: what is read faster than it is written would be lost in the queues.
      const window = this.#speed === "max" && recording !== undefined ? gateway.window : undefined;
      works.push(replay.run(gateway.tunnel, { speed: this.#speed, window }));
    }
    return works.length === 0 ? never() : Promise.race(works);
  }

  /** Nothing comes any more. */
  stopReplay(): void {
    this.#replay?.stop();
  }

  /** Completes the recording. @throws SpangateError IO_FAILED */
  async close(): Promise<void> {
    this.stopReplay();
    await this.#recording?.close();
  }
}

function never(): Promise<void> {
  return new Promise(() => {});
}
