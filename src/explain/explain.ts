// Packet by packet through the engine with its trace on: what each header was, which rule decided, and why.

import { CaptureReader, READ_AREA_LENGTH } from "../capture/index.js";
import { DEFAULT_OPTIONS, Engine, type EngineOptions } from "../engine/index.js";
import { SpangateError } from "../errors.js";
import { type Explained, Explainer } from "./explainer.js";
import type { PacketRecord } from "./record.js";

/** What to explain. */
export interface ExplainRequest extends Explained {
  /** A capture file; `-` is standard input. */
  readonly input: string;
  readonly engine: Partial<EngineOptions>;
}

/** Characters that are given out at once. */
const CHUNK = 1 << 16;

/**
 * Explains a capture. Gives text in pieces, one `render`ed record after another in packet order.
 *
 * Throws as `CaptureReader` does, after the packets before the fault; `USAGE` when `packet` is not in the file.
 */
export async function* explain(
  request: ExplainRequest,
  render: (record: PacketRecord) => string,
): AsyncGenerator<string, void, undefined> {
  // What is lent is rewritten where it lies; the decoded frame is still needed to tell what was changed.
  const options = { ...DEFAULT_OPTIONS, ...request.engine, trace: true, lent: false };
  const engine = await Engine.create(options);
  const area = engine.allocate(READ_AREA_LENGTH);
  const explainer = new Explainer(engine, options, request, render);
  const { lines } = explainer;
  const reader = await CaptureReader.open(request.input, area);
  let failure: unknown;
  try {
    do {
      while (!explainer.done && reader.next(explainer) > 0) if (lines.length >= CHUNK) yield lines.take();
      yield lines.take();
    } while (!explainer.done && (await reader.advance()));
  } catch (error) {
    failure = error;
  } finally {
    await reader.close();
  }
  explainer.finish();
  yield lines.take();
  engine.dispose();
  if (failure !== undefined) throw failure;
  if (!explainer.done && request.packet !== undefined) {
    const { packets } = engine.batch;
    throw new SpangateError(
      "USAGE",
      `${request.input} has ${packets} packets; there is no packet ${request.packet}`,
    );
  }
}
