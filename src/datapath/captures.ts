// Capture files through the engine, batch by batch: read into linear memory, processed where they lie.

import { stat } from "node:fs/promises";
import { CaptureReader, type FrameBatch, READ_AREA_LENGTH } from "../capture/index.js";
import type { Batch, Engine } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import type { Progress } from "./report.js";

/** Takes descriptors `from` to `to` (exclusive) of the batch, which are processed; their frames stay until it is done. */
export type Take = (from: number, to: number) => Promise<void>;

/** Where a run's packets end up, as far as reading depends on it. */
export interface Output {
  /** Nobody takes what is written any more. */
  isOver(): boolean;
  /** Brings out what waits for a block to be full. */
  flush(): Promise<void>;
}

const NO_OUTPUT: Output = { isOver: () => false, flush: async () => {} };
/** How long a source may have nothing before what is there is brought out, in milliseconds. */
const PATIENCE = 50;

/**
 * Runs the captures through the engine one after another and settles what is held at their end. Gives what broke, after
 * everything before it has been taken; other errors than SpangateError are thrown. Stops early once the output is over.
 */
export async function runCaptures(
  engine: Engine,
  inputs: readonly string[],
  take: Take,
  onProgress?: (progress: Progress) => void,
  output: Output = NO_OUTPUT,
  framesAtOnce = engine.batch.capacity,
): Promise<SpangateError | undefined> {
  const totalBytes = onProgress === undefined ? undefined : await sizeOf(inputs);
  const area = engine.allocate(READ_AREA_LENGTH);
  let before = 0;
  try {
    for (const input of inputs) {
      if (output.isOver()) break;
      const reader = await CaptureReader.open(input, area);
      try {
        do {
          await drain(engine, reader, take, framesAtOnce);
          const bytesRead = before + reader.bytesRead;
          const total = totalBytes === undefined ? {} : { totalBytes };
          onProgress?.({ bytesRead, packets: engine.batch.packets, ...total });
        } while (!output.isOver() && (await advance(reader, output)));
        before += reader.bytesRead;
      } finally {
        await reader.close();
      }
    }
  } catch (error) {
    if (error instanceof SpangateError) return error;
    throw error;
  } finally {
    engine.flush();
  }
  return undefined;
}

/** Goes on to the next chunk. While a live source has nothing, what there is goes out. */
async function advance(reader: CaptureReader, output: Output): Promise<boolean> {
  const next = reader.advance();
  const waiting = new Promise<"idle">((resolve) => setTimeout(resolve, PATIENCE, "idle").unref());
  const first = await Promise.race([next.catch(() => false), waiting]);
  if (first === "idle") await output.flush();
  return next;
}

/** Everything the reader has in memory. */
async function drain(engine: Engine, reader: CaptureReader, take: Take, framesAtOnce: number): Promise<void> {
  const { batch } = engine;
  const frames = framesAtOnce >= batch.capacity ? batch : atMost(batch, framesAtOnce);
  for (;;) {
    batch.clear();
    if (reader.next(frames) === 0) return;
    for (let from = 0; from < batch.count; ) {
      const to = engine.process(from);
      await take(from, to);
      from = to;
    }
  }
}

/** The batch, as if it had room for `most` frames only. */
function atMost(batch: Batch, most: number): FrameBatch {
  return {
    get room() {
      return most - batch.count;
    },
    push: (...frame) => batch.push(...frame),
  };
}

async function sizeOf(inputs: readonly string[]): Promise<number | undefined> {
  let total = 0;
  for (const input of inputs) {
    const status = input === "-" ? undefined : await stat(input).catch(() => undefined);
    if (status === undefined || !status.isFile()) return undefined;
    total += status.size;
  }
  return total;
}
