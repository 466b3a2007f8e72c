// The capture file of a gigabyte that `strip` is measured with.

import { closeSync, existsSync, mkdirSync, openSync, renameSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BEHIND_IPV4, innerFrame, randomNumbers, SESSIONS, typeTwo } from "./workloads.js";

const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const OUTER_LENGTH = 128;
const RECORD = RECORD_HEADER + OUTER_LENGTH;
const CHUNK_RECORDS = 32_768;
const FIRST_SECOND = 1_700_000_000;

/** A capture that was made for measuring. */
export interface Capture {
  readonly path: string;
  readonly packets: number;
  readonly bytes: number;
}

/** Where big files go: `$SPANGATE_BENCH_DIR`, else a folder among the system's temporary ones. */
export function benchDirectory(): string {
  const directory = process.env.SPANGATE_BENCH_DIR ?? join(tmpdir(), "spangate-bench");
  mkdirSync(directory, { recursive: true });
  return directory;
}

/**
 * A classic pcap file of about `bytes` bytes: ERSPAN II frames of 128 bytes, one a microsecond, their sessions in random
 * order, sequence numbers rising. One that is there already with the right size is taken as it is.
 */
export function makeCapture(directory: string, bytes = 1e9): Capture {
  const packets = Math.round((bytes - FILE_HEADER) / RECORD);
  const size = FILE_HEADER + packets * RECORD;
  const path = join(directory, `erspan2-${packets}.pcap`);
  if (!existsSync(path) || statSync(path).size !== size) {
    writeCapture(`${path}.part`, packets);
    renameSync(`${path}.part`, path);
  }
  return { path, packets, bytes: size };
}

function writeCapture(path: string, packets: number): void {
  const inner = innerFrame(OUTER_LENGTH - BEHIND_IPV4 - 8 - 8);
  const templates = Array.from({ length: SESSIONS }, (_, session) => typeTwo(session, inner));
  const sequences = new Uint32Array(SESSIONS);
  const random = randomNumbers();
  const chunk = new Uint8Array(CHUNK_RECORDS * RECORD);
  const view = new DataView(chunk.buffer);
  const file = openSync(path, "w");
  try {
    writeSync(file, fileHeader());
    for (let written = 0; written < packets; written += CHUNK_RECORDS) {
      const count = Math.min(CHUNK_RECORDS, packets - written);
      for (let i = 0; i < count; i++) {
        const microseconds = written + i;
        const session = (random() >>> 16) % SESSIONS;
        const record = i * RECORD;
        view.setUint32(record, FIRST_SECOND + Math.floor(microseconds / 1e6), true);
        view.setUint32(record + 4, microseconds % 1e6, true);
        view.setUint32(record + 8, OUTER_LENGTH, true);
        view.setUint32(record + 12, OUTER_LENGTH, true);
        const { frame, sequence } = templates[session]!;
        chunk.set(frame, record + RECORD_HEADER);
        view.setUint32(record + RECORD_HEADER + sequence!, sequences[session]!++);
      }
      writeSync(file, chunk, 0, count * RECORD);
    }
  } finally {
    closeSync(file);
  }
}

function fileHeader(): Uint8Array {
  const header = new DataView(new ArrayBuffer(FILE_HEADER));
  header.setUint32(0, 0xa1b2c3d4, true);
  header.setUint16(4, 2, true);
  header.setUint16(6, 4, true);
  header.setUint32(16, 262_144, true);
  header.setUint32(20, 1, true);
  return new Uint8Array(header.buffer);
}
