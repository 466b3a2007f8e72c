// The mirrored frames that are sent, as a file for the sender.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { innerFrame, WORKLOADS } from "../workloads.js";
import { whenLeaving } from "./leaving.js";

export type Encapsulation = "ERSPAN II" | "ERSPAN III" | "VXLAN";

export interface LiveFrames {
  readonly encapsulation: Encapsulation;
  readonly sessions: number;
  /** Bytes of a frame in the tunnel, and of the frame in it. */
  readonly outerLength: number;
  readonly innerLength: number;
  readonly path: string;
  /** Where the inner frame begins. */
  readonly innerAt: number;
  /** What the sender has to know of them. */
  readonly options: readonly string[];
}

/** In the payload of an inner frame (bench/native/live/mark.h): behind Ethernet, IPv4 and UDP. */
export const MARK_IN_INNER = 14 + 20 + 8;
/** Bytes of an inner frame that have room for the mark. */
const SHORTEST_INNER = 64;

let folder: string | undefined;

/**
 * Writes frames of `sessions` sessions into a capture file.
 *
 * Sessions of ERSPAN are those of one frame, multiplied by the sender: ten bits of id, and a source from 10.77.1.1 upward for each
 * 1,024. Of VXLAN each has a frame: VNIs from 5,000 upward, sources 10.77.1.1 to 10.77.1.4 in turn.
 */
export function makeFrames(encapsulation: Encapsulation, sessions: number, innerLength: number): LiveFrames {
  if (innerLength < SHORTEST_INNER) throw new Error(`an inner frame has at least ${SHORTEST_INNER} bytes`);
  const workload = WORKLOADS.find(({ name }) => name === encapsulation)!;
  const inner = innerFrame(innerLength);
  const isErspan = encapsulation !== "VXLAN";
  const templates = Array.from({ length: isErspan ? 1 : sessions }, (_, i) => workload.template(i, inner));
  const [{ frame, sequence }] = templates as [(typeof templates)[0]];
  const innerAt = frame.length - innerLength;
  const path = join(ownFolder(), `${encapsulation.replace(" ", "-")}-${sessions}-${innerLength}.pcap`);
  writeFileSync(path, pcap(templates.map((template) => template.frame)));
  const options = ["--sequence-at", String(sequence ?? -1), "--mark-at", String(innerAt + MARK_IN_INNER)];
  if (isErspan) options.push("--sessions", String(sessions), "--session-at", "44");
  return { encapsulation, sessions, outerLength: frame.length, innerLength, path, innerAt, options };
}

function ownFolder(): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), "spangate-live-frames-"));
    whenLeaving(() => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return folder;
}

function pcap(frames: readonly Uint8Array[]): Uint8Array {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(262_144, 16);
  header.writeUInt32LE(1, 20);
  const records = frames.flatMap((frame) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return [record, frame];
  });
  return Buffer.concat([header, ...records]);
}
