// What decoding costs, by encapsulation, inner size and frames in flight, beside what merely copying the frames costs.

import { Bench } from "tinybench";
import { Engine, FrameSlots } from "../src/engine/index.js";
import { fixed, printTable, rate } from "./table.js";
import { Rounds } from "./timing.js";
import { innerFrame, SESSIONS, type Template, WORKLOADS, type Workload } from "./workloads.js";

const SIZES = [64, 128, 512, 1500];
const IN_FLIGHT = [256, 4096];
const SLOTS_A_FRAME = 1;
const MILLISECONDS = 100;

/** One row: medians over rounds of all frames in flight. */
export interface DecodeResult {
  readonly encapsulation: string;
  readonly innerBytes: number;
  readonly inFlight: number;
  readonly nanoseconds: number;
  readonly packetsPerSecond: number;
  /** Nanoseconds to copy such a frame with Uint8Array.set, in the same run. */
  readonly copyNanoseconds: number;
  /** Time of decoding over time of copying. */
  readonly toCopy: number;
}

/** The yardstick that decodes: ERSPAN II by hand in JavaScript, from which it takes session, sequence and frame only. */
export interface JavaScriptResult {
  readonly inFlight: number;
  readonly nanoseconds: number;
  /** Time of the engine over time of this. */
  readonly engineTo: number;
}

export interface EngineResults {
  readonly decode: readonly DecodeResult[];
  readonly javaScript: readonly JavaScriptResult[];
}

export async function benchEngine(): Promise<EngineResults> {
  const bench = new Bench({ time: MILLISECONDS, warmupTime: MILLISECONDS / 2, iterations: 16, throws: true });
  const settle: (() => void)[] = [];
  const decode: DecodeResult[] = [];
  const javaScript: JavaScriptResult[] = [];
  const add = (name: string, frames: number, round: () => number) => {
    bench.add(name, () => ({ overriddenDuration: round() }), { async: false });
    return () => (medianOf(bench, name) * 1e6) / frames;
  };

  for (const inFlight of IN_FLIGHT) {
    const engine = await Engine.create();
    const slots = new FrameSlots(engine.memory, inFlight * SLOTS_A_FRAME);
    const elsewhere = new Uint8Array(inFlight * 2048);
    for (const workload of WORKLOADS) {
      for (const innerBytes of SIZES) {
        const rounds = new Rounds(engine, slots, sessionsInTurn(workload, innerBytes));
        const name = `${workload.name}, ${innerBytes} bytes, ${inFlight} in flight`;
        const spent = add(name, inFlight, () => rounds.decode());
        const copied = add(`copy of ${name}`, inFlight, () => rounds.copy(elsewhere));
        settle.push(() => decode.push(result(workload.name, innerBytes, inFlight, spent(), copied())));
        if (workload.name !== "ERSPAN II" || innerBytes !== 64) continue;
        const byHand = add(`${name} in JavaScript`, inFlight, () => rounds.each(readErspan2));
        settle.push(() => {
          const nanoseconds = byHand();
          javaScript.push({ inFlight, nanoseconds, engineTo: spent() / nanoseconds });
        });
      }
    }
  }
  await bench.run();
  for (const take of settle) take();
  return { decode, javaScript };
}

function result(
  encapsulation: string,
  innerBytes: number,
  inFlight: number,
  nanoseconds: number,
  copyNanoseconds: number,
): DecodeResult {
  return {
    encapsulation,
    innerBytes,
    inFlight,
    nanoseconds,
    packetsPerSecond: 1e9 / nanoseconds,
    copyNanoseconds,
    toCopy: nanoseconds / copyNanoseconds,
  };
}

function medianOf(bench: Bench, name: string): number {
  const { result } = bench.getTask(name)!;
  if (!("latency" in result)) throw new Error(`${name} was not measured: ${result.state}`);
  return result.latency.p50;
}

/** Fills slots with the frames of all sessions in turn, the sequence numbers of each rising. */
function sessionsInTurn(workload: Workload, innerBytes: number) {
  const inner = innerFrame(innerBytes);
  const templates: Template[] = [];
  for (let session = 0; session < SESSIONS; session++) templates.push(workload.template(session, inner));
  const sequences = new Uint32Array(SESSIONS);
  return (memory: Uint8Array, address: number, i: number): number => {
    const session = i % SESSIONS;
    const { frame, sequence } = templates[session]!;
    memory.set(frame, address);
    if (sequence !== undefined) {
      const number = sequences[session]!++;
      const place = address + sequence;
      memory[place] = number >>> 24;
      memory[place + 1] = number >>> 16;
      memory[place + 2] = number >>> 8;
      memory[place + 3] = number;
    }
    return frame.length;
  };
}

/** The least that decoding ERSPAN II asks: no options, no checks past the protocol numbers. */
function readErspan2(frame: DataView): void {
  if (frame.getUint16(12) !== 0x0800 || frame.getUint8(23) !== 47) return;
  const gre = 14 + (frame.getUint8(14) & 15) * 4;
  if (frame.getUint16(gre + 2) !== 0x88be || (frame.getUint16(gre) & 0x1000) === 0) return;
  sink.session = frame.getUint16(gre + 10) & 0x3ff;
  sink.sequence = frame.getUint32(gre + 4);
  sink.source = frame.getUint32(26);
  sink.inner = frame.byteOffset + gre + 16;
}

const sink = { session: 0, sequence: 0, source: 0, inner: 0 };

export function printEngine({ decode, javaScript }: EngineResults): void {
  const rows = decode.map((row) => [
    row.encapsulation,
    `${row.innerBytes}`,
    `${row.inFlight}`,
    rate(row.packetsPerSecond),
    fixed(row.nanoseconds),
    fixed(row.copyNanoseconds),
    fixed(row.toCopy, 2),
  ]);
  printTable(
    "Decoding (a batch is 256 frames; the yardstick is a copy of the frame with Uint8Array.set)",
    ["encapsulation", "inner bytes", "in flight", "packets", "ns/packet", "copy ns", "to copy"],
    rows,
  );
  printTable(
    "ERSPAN II, 64 bytes, against a minimal decoder in JavaScript (DataView; no check, no session, no verdict)",
    ["in flight", "JavaScript ns", "engine to it"],
    javaScript.map((row) => [`${row.inFlight}`, fixed(row.nanoseconds), fixed(row.engineTo, 2)]),
  );
}
