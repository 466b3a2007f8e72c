// Captures without an operating system: out of memory, files of a page and web streams, and into them.

import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable, Writable } from "node:stream";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import * as web from "../../src/browser.js";
import * as node from "../../src/index.js";
import { pcap } from "../capture-builder.js";
import { missing, tshark } from "./programs.js";
import { payload } from "./reading.js";

const folder = await mkdtemp(join(tmpdir(), "spangate-web-"));
afterAll(() => rm(folder, { recursive: true }));

const fixture = new Uint8Array(readFileSync(new URL("../fixtures/demo-mixed.pcap", import.meta.url)));
/** More than a chunk of the reader, so that frames are cut by its end. */
const large = new Uint8Array(
  pcap(Array.from({ length: 9000 }, (_, i) => ({ data: payload(600, i), time: BigInt(i) * 1000n }))),
);

/** A frame with its bytes in hexadecimal, which are compared faster. */
type Frame = Omit<node.CapturedFrame, "data"> & { readonly data: string };

const hex = (data: Uint8Array) => Buffer.from(data).toString("hex");

async function all(frames: AsyncIterable<node.CapturedFrame>): Promise<{ frames: Frame[]; code?: string }> {
  const list: Frame[] = [];
  try {
    for await (const frame of frames) list.push({ ...frame, data: hex(frame.data) });
  } catch (error) {
    return { frames: list, code: (error as node.SpangateError).code };
  }
  return { frames: list };
}

function streamOf(bytes: Uint8Array, size: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) controller.close();
      else controller.enqueue(bytes.slice(at, at + size));
      at += size;
    },
  });
}

const buffer = (bytes: Uint8Array) => new Uint8Array(bytes).buffer;
const inputs: [string, (bytes: Uint8Array) => node.CaptureBytes][] = [
  ["a Uint8Array", (bytes) => bytes],
  ["an ArrayBuffer", buffer],
  ["a Blob", (bytes) => new Blob([buffer(bytes)])],
  ["a File", (bytes) => new File([buffer(bytes)], "mirror.pcap")],
  ["a stream", (bytes) => streamOf(bytes, 7001)],
];

describe.each(inputs)("%s", (_name, of) => {
  test.each([
    ["plain", (bytes: Uint8Array) => bytes],
    ["in gzip", (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes))],
  ])("is read, %s", async (_form, pack) => {
    for (const bytes of [fixture, large]) {
      const wanted = await all(node.readFrames(Readable.from([bytes])));
      expect(wanted.code).toBeUndefined();
      expect(await all(web.readFrames(of(pack(bytes))))).toEqual(wanted);
      expect(await all(node.readFrames(of(pack(bytes))))).toEqual(wanted);
    }
  });

  test("that is broken gives the frames before the fault, and its code", async () => {
    const cut = fixture.subarray(0, 20_000);
    const wanted = await all(node.readFrames(Readable.from([cut])));
    expect(wanted.code).toBe("CAPTURE_TRUNCATED");
    expect(await all(web.readFrames(of(cut)))).toEqual(wanted);
    const magic = { frames: [], code: "CAPTURE_MAGIC" };
    expect(await all(web.readFrames(of(new Uint8Array(100))))).toEqual(magic);
    expect(await all(web.readFrames(of(new Uint8Array(0))))).toEqual(magic);
    const gzip = new Uint8Array(gzipSync(large));
    const { code } = await all(web.readFrames(of(gzip.slice(0, -2000))));
    expect(code).toBe("CAPTURE_TRUNCATED");
  });
});

test("what is no capture at all is USAGE", async () => {
  for (const nothing of [7, {}, null]) {
    const source = nothing as unknown as Uint8Array;
    expect((await all(web.readFrames(source))).code).toBe("USAGE");
  }
});

test("a stream that fails is IO_FAILED, after the frames before", async () => {
  const failing = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(fixture.subarray(0, 5000)),
    pull: () => Promise.reject(new Error("gone")),
  });
  const { frames, code } = await all(web.readFrames(failing));
  expect([frames.length > 10, code]).toEqual([true, "IO_FAILED"]);
});

test("a stream that is given up half-way is cancelled", async () => {
  let isCancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(fixture.slice(0, 3000)),
    cancel: () => {
      isCancelled = true;
    },
  });
  for await (const _ of web.readFrames(endless)) break;
  expect(isCancelled).toBe(true);
});

test("a capture is read into an engine's memory", async () => {
  const engine = await web.Engine.create();
  const reader = await web.CaptureReader.open(
    new Blob([buffer(fixture)]),
    engine.allocate(web.READ_AREA_LENGTH),
  );
  do {
    for (engine.batch.clear(); reader.next(engine.batch) > 0; engine.batch.clear()) engine.process();
  } while (await reader.advance());
  expect(reader.format).toBe("pcap");
  expect(engine.counters()).toMatchObject({ received: 300, delivered: 288 });
});

/** Frames of any kind, many more bytes than a piece. */
const frames: web.FrameToWrite[] = Array.from({ length: 400 }, (_, i) => ({
  data: payload(i % 7 === 0 ? 3 * i : (i * 37) % 1500, i),
  originalLength: 2000 + i,
  timestamp: 1_767_225_600_123_456_789n + BigInt(i),
  interface: `erspan/10.77.0.1/${i % 3}`,
  direction: ([undefined, "in", "out"] as const)[i % 3],
}));
const asRead = ({ data, originalLength = data.length, timestamp = 0n, linkType = 1 }: web.FrameToWrite) => {
  return { data: hex(data), originalLength, timestamp, linkType };
};

describe.each(["pcapng", "pcap"] as const)("writing %s", (format) => {
  test("into memory, streams of either kind and files: the same bytes", async () => {
    const bytes = await web.captureBytes(frames, { format });
    expect((await all(web.readFrames(bytes))).frames).toEqual(frames.map(asRead));

    const pieces: Uint8Array[] = [];
    const webStream = new WritableStream<Uint8Array>({ write: (piece) => void pieces.push(piece) });
    expect(await web.writeFrames(frames, webStream, { format })).toBe(bytes.length);
    expect(pieces.length).toBeGreaterThan(3);
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);

    const stream = new PassThrough({ highWaterMark: 10 });
    const collected = stream.toArray() as Promise<Buffer[]>;
    expect(await node.writeFrames(frames, stream, { format })).toBe(bytes.length);
    expect(Buffer.concat(await collected).equals(bytes)).toBe(true);

    const path = join(folder, `all.${format}`);
    expect(await node.writeFrames(frames, path)).toBe(bytes.length);
    expect((await readFile(path)).equals(bytes)).toBe(true);
  });

  test("without frames there is a capture without frames", async () => {
    expect(await all(web.readFrames(await web.captureBytes([], { format })))).toEqual({ frames: [] });
  });

  test("any frame comes back as it was", async () => {
    const frame = fc.record({
      data: fc.uint8Array({ maxLength: 100 }),
      timestamp: fc.bigInt(0n, format === "pcap" ? 4_294_967_295_999_999_999n : 2n ** 64n - 1n),
      originalLength: fc.integer({ min: 100, max: 2 ** 31 }),
    });
    const property = fc.asyncProperty(fc.array(frame, { maxLength: 20 }), async (some) => {
      const bytes = await web.captureBytes(some, { format });
      expect((await all(web.readFrames(bytes))).frames).toEqual(some.map(asRead));
    });
    await fc.assert(property, { numRuns: 100 });
  });
});

test("frames of two link types make a pcapng file, and no pcap file", async () => {
  const both = [{ data: payload(60) }, { data: payload(40), linkType: 101 }];
  const { frames: read } = await all(web.readFrames(await web.captureBytes(both)));
  expect(read.map(({ linkType }) => linkType)).toEqual([1, 101]);
  await expect(web.captureBytes(both, { format: "pcap" })).rejects.toMatchObject({
    code: "OUTPUT_LINK_TYPE",
  });
});

test.skipIf(missing("tshark"))("tshark reads names, directions and times", async () => {
  const path = join(folder, "tshark.pcapng");
  await node.writeFrames(frames, path);
  const fields = ["frame.interface_name", "frame.packet_flags_direction", "frame.time_epoch", "frame.len"];
  const rows = tshark(path, fields);
  expect(rows.length).toBe(frames.length);
  for (const [i, [name, direction, time, length]] of rows.entries()) {
    expect([name, length]).toEqual([frames[i]!.interface, String(frames[i]!.originalLength)]);
    expect(direction === "" ? 0 : Number(direction)).toBe(i % 3);
    expect(time).toBe(String(frames[i]!.timestamp).replace(/(\d{9})$/, ".$1"));
  }
});

describe("what cannot be written", () => {
  test("a name that tells no format", async () => {
    await expect(node.writeFrames(frames, join(folder, "x.txt"))).rejects.toMatchObject({ code: "USAGE" });
  });
  test("a folder that is not there, a stream that fails", async () => {
    const failing = () =>
      new Writable({ highWaterMark: 1, write: (_chunk, _encoding, done) => done(new Error("full")) });
    const webFailing = () => new WritableStream({ write: () => Promise.reject(new Error("full")) });
    for (const target of [join(folder, "no", "x.pcap"), failing(), webFailing()]) {
      await expect(node.writeFrames(frames, target)).rejects.toMatchObject({ code: "IO_FAILED" });
    }
  });
  test("what the frames themselves throw comes through", async () => {
    const broken = async function* () {
      yield* frames.slice(0, 3);
      throw new Error("mine");
    };
    for (const target of [join(folder, "half.pcapng"), new PassThrough(), new WritableStream()]) {
      await expect(node.writeFrames(broken(), target)).rejects.toThrow("mine");
    }
    const { frames: before } = await all(node.readFrames(join(folder, "half.pcapng")));
    expect(before).toEqual(frames.slice(0, 3).map(asRead));
  });
});
