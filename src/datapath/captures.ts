// Capture files through the engine, batch by batch: read into linear memory, processed where they lie.

import { stat } from "node:fs/promises";
import { CaptureReader, READ_AREA_LENGTH } from "../capture/index.js";
import type { Engine } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import type { Progress } from "./report.js";

/** Takes descriptors `from` to `to` (exclusive) of the batch, which are processed; their frames stay until it is done. */
export type Take = (from: number, to: number) => Promise<void>;

/**
 * Runs the captures through the engine one after another and settles what is held at their end. Gives what broke, after
 * everything before it has been taken; other errors than SpangateError are thrown. Stops early once `isOver`.
 */
export async function runCaptures(
  engine: Engine,
  inputs: readonly string[],
  take: Take,
  onProgress?: (progress: Progress) => void,
  isOver: () => boolean = () => false,
): Promise<SpangateError | undefined> {
  const totalBytes = onProgress === undefined ? undefined : await sizeOf(inputs);
  const area = engine.allocate(READ_AREA_LENGTH);
  let before = 0;
  try {
    for (const input of inputs) {
      if (isOver()) break;
      const reader = await CaptureReader.open(input, area);
      try {
        do {
          await drain(engine, reader, take);
          const bytesRead = before + reader.bytesRead;
          const total = totalBytes === undefined ? {} : { totalBytes };
          onProgress?.({ bytesRead, packets: engine.batch.packets, ...total });
        } while (!isOver() && (await reader.advance()));
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

/** Everything the reader has in memory. */
async function drain(engine: Engine, reader: CaptureReader, take: Take): Promise<void> {
  const { batch } = engine;
  for (;;) {
    batch.clear();
    if (reader.next(batch) === 0) return;
    for (let from = 0; from < batch.count; ) {
      const to = engine.process(from);
      await take(from, to);
      from = to;
    }
  }
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
