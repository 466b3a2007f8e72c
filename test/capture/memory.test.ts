// The area may be WebAssembly memory: shared, or replaced by a longer one in the midst of reading.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, expect, test } from "vitest";
import { CaptureReader, type MemoryArea, OutputFile, readFrames } from "../../src/capture/index.js";
import { pcap } from "../capture-builder.js";
import { payload } from "./reading.js";

const directory = mkdtempSync(join(tmpdir(), "spangate-memory-"));
afterAll(() => rmSync(directory, { recursive: true }));

const PAGE = 65536;
const LENGTH = 16 * PAGE;
const file = pcap(Array.from({ length: 5000 }, (_, i) => ({ data: payload(300, i), time: BigInt(i) })));

const areaOf = (memory: WebAssembly.Memory): MemoryArea => ({
  address: PAGE,
  length: LENGTH,
  bytes: () => new Uint8Array(memory.buffer, PAGE, LENGTH),
});

/** Reads everything and compares; `between` runs before each chunk. */
async function compare(
  reader: CaptureReader,
  memory: WebAssembly.Memory,
  between: () => void,
): Promise<void> {
  let frames = 0;
  const batch = {
    room: 256,
    push(address: number, captured: number) {
      const seen = Buffer.from(new Uint8Array(memory.buffer, address, captured));
      expect(seen.equals(payload(300, frames++))).toBe(true);
    },
  };
  do {
    while (reader.next(batch) > 0);
    between();
  } while (await reader.advance());
  expect(frames).toBe(5000);
  expect(reader.bytesRead).toBe(file.length);
}

test("memory that grows while a file or a stream is read", async () => {
  const path = join(directory, "grow.pcap");
  writeFileSync(path, file);
  for (const kind of ["file", "stream"]) {
    const memory = new WebAssembly.Memory({ initial: 17, maximum: 100 });
    const stream = new PassThrough();
    let sent = 4;
    stream.write(file.subarray(0, sent));
    const area = areaOf(memory);
    const reader =
      kind === "file"
        ? await CaptureReader.open(path, area)
        : await CaptureReader.fromStream(stream, "stream", area);
    expect(reader.totalBytes).toBe(kind === "file" ? file.length : undefined);
    await compare(reader, memory, () => {
      memory.grow(1); // the reader is waiting for bytes at this moment
      const next = file.subarray(sent, sent + 50_000);
      sent += next.length;
      if (next.length > 0) setTimeout(() => stream.write(next), 1);
      else stream.end();
    });
  }
});

test("shared memory is read into, and written from", async () => {
  const path = join(directory, "shared.pcap");
  writeFileSync(path, file);
  const memory = new WebAssembly.Memory({ initial: 17, maximum: 17, shared: true });
  await compare(await CaptureReader.open(path, areaOf(memory)), memory, () => {});
  const copy = join(directory, "copy.pcap");
  const output = await OutputFile.open(copy, areaOf(memory));
  for (let at = 0; at < file.length; at += 100_000) {
    while (!output.append(file.subarray(at, at + 100_000))) await output.ready();
  }
  await output.close();
  expect(readFileSync(copy).equals(file)).toBe(true);
});

test("a reader that is given up half-way lets go of its file", async () => {
  const path = join(directory, "half.pcap");
  writeFileSync(path, file);
  for await (const frame of readFrames(path)) {
    expect(frame.data).toEqual(payload(300));
    break;
  }
  const reader = await CaptureReader.open(path, areaOf(new WebAssembly.Memory({ initial: 17 })));
  await reader.close();
  expect(await reader.advance()).toBe(false);
});
