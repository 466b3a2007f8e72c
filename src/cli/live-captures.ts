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
  readonly #recording: Recording | undefined;
  readonly #speed: number | "max";

  private constructor(replay: Replay | undefined, recording: Recording | undefined, speed: number | "max") {
    this.#replay = replay;
    this.#recording = recording;
    this.#speed = speed;
  }

  /** @throws SpangateError IO_FAILED, and what is wrong with the beginning of the capture */
  static async open({ replay, speed = 1, record }: CaptureFlags): Promise<LiveCaptures> {
    // A capture that cannot be read leaves the recording before it as it was.
    const replayed = replay === undefined ? undefined : await Replay.open(replay);
    const recording = record === undefined ? undefined : await Recording.open(record);
    return new LiveCaptures(replayed, recording, speed);
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
