// `spangate strip`: every tunnel packet out of its tunnel, into one file; no tenants.

import { Engine, type EngineOptions, type Session, Verdict } from "../engine/index.js";
import { CaptureSink, closeAll, shortcomings } from "./capture-sink.js";
import { runCaptures } from "./captures.js";
import { Comments } from "./comments.js";
import type { Progress, Report } from "./report.js";

/** Blocks that wait to be written, in bytes. */
const OUTPUT_MEMORY = 8 * 2 ** 20;

/** What to strip, and how. */
export interface StripRequest {
  /** Capture files; `-` is standard input. */
  readonly inputs: readonly string[];
  /** `.pcapng`, `.pcap`, or `-` for standard output. */
  readonly output: string;
  readonly engine: Partial<EngineOptions>;
  /** Packets that are in no tunnel go to the output as they are. */
  readonly keepOthers: boolean;
  readonly comments: boolean;
  readonly onProgress?: (progress: Progress) => void;
}

/** Throws USAGE or IO_FAILED when the output cannot be made; what breaks later is in the report. */
export async function strip(request: StripRequest): Promise<Report> {
  const engine = await Engine.create(request.engine);
  const comments = request.comments ? { comments: new Comments(engine) } : {};
  const sink = await CaptureSink.create(engine, request.output, { memory: OUTPUT_MEMORY, ...comments });
  const numbers = new Uint8Array(engine.batch.capacity);
  const { batch } = engine;
  const take = async (from: number, to: number) => {
    let count = 0;
    for (let i = from; i < to; i++) {
      const verdict = batch.verdict(i);
      if (verdict === Verdict.Delivered || (request.keepOthers && verdict === Verdict.NotTunnel))
        numbers[count++] = i;
    }
    if (count > 0) await sink.add(numbers, count);
  };
  const broken = await runCaptures(engine, request.inputs, take, request.onProgress, {
    isOver: () => sink.closed,
    flush: () => sink.flush(),
  });
  const unwritten = await closeAll([sink]);
  const failure = broken ?? unwritten;
  return {
    counters: engine.counters(),
    sessions: [...engine.sessions].filter((session) => isAskedFor(session, request.engine.filter)),
    deliveries: [],
    files: [sink.written()],
    notices: shortcomings(sink),
    ...(failure === undefined ? {} : { failure }),
  };
}

/** Of the sessions that came by, those that the filter let through. */
function isAskedFor({ encapsulation, id }: Session, filter: EngineOptions["filter"]): boolean {
  if (filter?.session === undefined && filter?.vni === undefined) return true;
  if (encapsulation === "erspan") return id !== undefined && id === filter.session;
  return ["vxlan", "vxlan-gpe", "geneve"].includes(encapsulation) && id === filter.vni;
}
