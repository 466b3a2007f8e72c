// Captures in place of a live gateway's interfaces: one whose packets come again, and one that what goes out is written into.

import { Recording } from "../capture/recording.js";
import { Replay } from "../capture/replay.js";
import type { LiveGateway } from "../datapath/live.js";
import { Successor } from "./successor.js";

export interface CaptureFlags {
  readonly replay?: string;
  readonly speed?: number | "max";
  readonly record?: string;
}

interface Recorded {
  readonly recording: Recording;
  readonly file: Successor;
}

export class LiveCaptures {
  readonly #replay: Replay | undefined;
  readonly #recorded: Recorded | undefined;
  readonly #speed: number | "max";

  private constructor(replay: Replay | undefined, recorded: Recorded | undefined, speed: number | "max") {
    this.#replay = replay;
    this.#recorded = recorded;
    this.#speed = speed;
  }

  /** @throws SpangateError IO_FAILED, and what is wrong with the beginning of the capture */
  static async open({ replay, speed = 1, record }: CaptureFlags): Promise<LiveCaptures> {
    // A capture that cannot be read leaves the recording before it as it was.
    const replayed = replay === undefined ? undefined : await Replay.open(replay);
    try {
      return new LiveCaptures(
        replayed,
        record === undefined ? undefined : await openRecording(record),
        speed,
      );
    } catch (error) {
      replayed?.stop();
      throw error;
    }
  }

  /** Nothing refuses the gateway any more: a recording that was there before is gone now. @throws SpangateError IO_FAILED */
  begin(): void {
    this.#recorded?.file.succeed();
  }

  /** Resolves when the replay is over; without one never. Rejects when a capture cannot be read or written. */
  run(gateway: LiveGateway): Promise<void> {
    const replay = this.#replay;
    const recorded = this.#recorded;
    const works: Promise<void>[] = [];
    if (recorded !== undefined) works.push(record(recorded, gateway).then(() => never()));
    if (replay !== undefined && gateway.tunnel !== undefined) {
      // Whoever may wait for the writer does: what is read faster than it is written would be lost in the queues.
      const window = this.#speed === "max" && recorded !== undefined ? gateway.window : undefined;
      works.push(replay.run(gateway.tunnel, { speed: this.#speed, window }));
    }
    return works.length === 0 ? never() : Promise.race(works);
  }

  /** Nothing comes any more. */
  stopReplay(): void {
    this.#replay?.stop();
  }

  /** Completes the recording; what has not begun leaves nothing behind. @throws SpangateError IO_FAILED */
  async close(): Promise<void> {
    this.stopReplay();
    if (this.#recorded === undefined) return;
    const { recording, file } = this.#recorded;
    try {
      await recording.close();
    } catch (error) {
      throw file.named(error);
    } finally {
      file.withdraw();
    }
  }
}

async function openRecording(name: string): Promise<Recorded> {
  const file = Successor.of(name);
  try {
    return { recording: await Recording.open(file.path), file };
  } catch (error) {
    throw file.named(error);
  }
}

async function record({ recording, file }: Recorded, gateway: LiveGateway): Promise<void> {
  try {
    await gateway.deliver(recording);
  } catch (error) {
    throw file.named(error);
  }
}

function never(): Promise<void> {
  return new Promise(() => {});
}
