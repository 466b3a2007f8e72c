// What is wrong with a file is said with its name and the byte offset, after every frame before it has come out.
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { constants, gunzipSync, gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { CaptureReader, heapArea } from "../../src/capture/index.js";
import type { ErrorCode } from "../../src/errors.js";
import { PcapngBuilder, pcap } from "../capture-builder.js";
import { payload, readAll } from "./reading.js";

const directory = mkdtempSync(join(tmpdir(), "spangate-faults-"));
afterAll(() => rmSync(directory, { recursive: true }));
const saved = (name: string, bytes: Uint8Array) => {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
};

const data = payload(40);
const packets = [0, 1, 2, 3].map((i) => ({ data: payload(40, i), time: BigInt(i) }));
const good = pcap(packets); // records of 56 bytes at 24, 80, 136, 192
const patched = (at: number, value: number) => {
  const bytes = Buffer.from(good);
  bytes.writeUInt32LE(value, at);
  return bytes;
};
const ng = () => new PcapngBuilder().section().interface(); // 28 + 20 bytes, then blocks of 72
const enhanced = { data, ticks: 5n };
const first = 28 + 20;

describe("a faulty file", () => {
  type Row = [
    what: string,
    file: Uint8Array,
    code: ErrorCode,
    offset: number,
    frames: number,
    message: RegExp,
  ];
  const rows: Row[] = [
    ["empty", Buffer.alloc(0), "CAPTURE_MAGIC", 0, 0, /the file is empty; pcap and pcapng are read/],
    ["three bytes", Buffer.from("abc"), "CAPTURE_MAGIC", 0, 0, /only 3 bytes \(61 62 63\)/],
    ["text", Buffer.from("hello, world"), "CAPTURE_MAGIC", 0, 0, /begins with 68 65 6c 6c;/],
    ["zstd", Buffer.from("28b52ffd00", "hex"), "CAPTURE_MAGIC", 0, 0, /zstd data, unpack it first/],
    ["modified pcap", patched(0, 0xa1b2cd34), "CAPTURE_MAGIC", 0, 0, /modified pcap/],
    ["modified pcap, swapped", patched(0, 0x34cdb2a1), "CAPTURE_MAGIC", 0, 0, /modified pcap/],
    ["gzip of text", gzipSync("hello, world"), "CAPTURE_MAGIC", 0, 0, /begins with 68 65 6c 6c;/],
    ["gzip of gzip", gzipSync(gzipSync(good)), "CAPTURE_MAGIC", 0, 0, /gzip data within gzip/],
    ["pcap of version 3", patched(4, 0x00040003), "CAPTURE_MAGIC", 0, 0, /version 3\.4/],
    ["pcap of version 2.2", patched(4, 0x00020002), "CAPTURE_MAGIC", 0, 0, /version 2\.2/],
    [
      "pcap, header cut",
      good.subarray(0, 20),
      "CAPTURE_TRUNCATED",
      0,
      0,
      /ends at 20, inside its 24-byte header/,
    ],
    [
      "pcap, record too long",
      patched(136 + 8, 262145),
      "CAPTURE_RECORD_LENGTH",
      136,
      2,
      /262145 captured bytes/,
    ],
    [
      "pcap, length negative",
      patched(80 + 8, 0xffffffff),
      "CAPTURE_RECORD_LENGTH",
      80,
      1,
      /4294967295 captured/,
    ],
    [
      "pcap, record header cut",
      good.subarray(0, 195),
      "CAPTURE_TRUNCATED",
      192,
      3,
      /ends at 195, 3 bytes into/,
    ],
    [
      "pcap, frame cut",
      good.subarray(0, 247),
      "CAPTURE_TRUNCATED",
      192,
      3,
      /55 bytes into a record of 56 bytes/,
    ],
    [
      "pcapng, byte-order magic",
      new PcapngBuilder().block(0x0a0d0d0a, payload(16)).build(),
      "CAPTURE_MAGIC",
      0,
      0,
      /byte-order magic is 0x/,
    ],
    [
      "pcapng, a later section of version 2",
      ng()
        .enhanced(enhanced)
        .block(0x0a0d0d0a, Buffer.from("4d3c2b1a02000000ffffffffffffffff", "hex"))
        .build(),
      "CAPTURE_MAGIC",
      first + 72,
      1,
      /version 2\.0/,
    ],
    [
      "pcapng, not a multiple of 4",
      ng().block(6, data, { first: 53 }).build(),
      "CAPTURE_RECORD_LENGTH",
      first,
      0,
      /53/,
    ],
    [
      "pcapng, length under 12",
      ng().enhanced(enhanced).block(9, data, { first: 8 }).build(),
      "CAPTURE_RECORD_LENGTH",
      first + 72,
      1,
      /less than 12/,
    ],
    [
      "pcapng, lengths differ",
      ng().enhanced(enhanced).block(9, data, { last: 56 }).build(),
      "CAPTURE_RECORD_LENGTH",
      first + 72,
      1,
      /52 bytes at its beginning and 56 at its end/,
    ],
    [
      "pcapng, packet's lengths differ",
      ng().enhanced(enhanced).block(6, Buffer.alloc(40), { last: 56 }).build(),
      "CAPTURE_RECORD_LENGTH",
      first + 72,
      1,
      /52 bytes at its beginning and 56/,
    ],
    [
      "pcapng, packet block too short",
      ng().block(6, Buffer.alloc(16)).build(),
      "CAPTURE_RECORD_LENGTH",
      first,
      0,
      /packet block claims 28 bytes/,
    ],
    [
      "pcapng, simple block without length",
      ng().block(3, Buffer.alloc(0)).build(),
      "CAPTURE_RECORD_LENGTH",
      first,
      0,
      /simple packet block claims 12/,
    ],
    [
      "pcapng, captured over its block",
      ng()
        .block(6, Buffer.concat([Buffer.alloc(12), Buffer.from([41, 0, 0, 0]), Buffer.alloc(44)]))
        .build(),
      "CAPTURE_RECORD_LENGTH",
      first,
      0,
      /41 captured bytes, more than the 40/,
    ],
    [
      "pcapng, captured over the limit",
      ng()
        .enhanced({ data: payload(262148), ticks: 0n })
        .build(),
      "CAPTURE_RECORD_LENGTH",
      first,
      0,
      /262148 captured bytes, more than the 262144/,
    ],
    [
      "pcapng, simple packet over its block",
      ng().simple(data, 41).build(),
      "CAPTURE_RECORD_LENGTH",
      first,
      0,
      /41 captured bytes, more than the 40/,
    ],
    [
      "pcapng, interface not declared",
      ng()
        .enhanced(enhanced)
        .enhanced({ ...enhanced, interface: 1 })
        .build(),
      "CAPTURE_CORRUPT",
      first + 72,
      1,
      /names interface 1, but its section has declared 1/,
    ],
    [
      "pcapng, interface of the section before",
      ng().section().enhanced(enhanced).build(),
      "CAPTURE_CORRUPT",
      first + 28,
      0,
      /has declared 0/,
    ],
    [
      "pcapng, interface block too short",
      new PcapngBuilder().section().block(1, Buffer.alloc(4)).build(),
      "CAPTURE_RECORD_LENGTH",
      28,
      0,
      /interface description block claims 16/,
    ],
    [
      "pcapng, packet cut",
      ng().enhanced(enhanced).enhanced(enhanced).build().subarray(0, -1),
      "CAPTURE_TRUNCATED",
      first + 72,
      1,
      /71 bytes into a block of 72 bytes/,
    ],
    [
      "pcapng, cut after 5 bytes",
      ng()
        .enhanced(enhanced)
        .enhanced(enhanced)
        .build()
        .subarray(0, first + 77),
      "CAPTURE_TRUNCATED",
      first + 72,
      1,
      /5 bytes into a block$/,
    ],
    [
      "pcapng, skipped block cut",
      ng().enhanced(enhanced).block(9, payload(9000)).build().subarray(0, 5000),
      "CAPTURE_TRUNCATED",
      first + 72,
      1,
      /ends at 5000, 4880 bytes into a block of 9012/,
    ],
    [
      "pcapng, a block of 4 GB that is not there",
      ng().enhanced(enhanced).block(9, data, { first: 0xfffffffc }).build(),
      "CAPTURE_TRUNCATED",
      first + 72,
      1,
      /a block of 4294967292 bytes/,
    ],
  ];
  test.each(rows)("%s", async (_, file, code, offset, frames, message) => {
    const path = saved("faulty", file);
    for (const how of [{}, { pieces: [1] }, { pieces: [13], batch: 1 }]) {
      for (const input of [path, file]) {
        const outcome = await readAll(input, how);
        const name = input === path ? path : "test.pcap";
        expect(outcome.error?.message).toMatch(message);
        expect(outcome.error?.message).toContain(`${name}, byte ${offset}: `);
        expect(outcome.error).toMatchObject({ code, details: { file: name, offset } });
        expect(outcome.frames).toHaveLength(frames);
      }
    }
  });
});

test("a file cut at any byte gives the whole records before the cut", async () => {
  const whole = (await readAll(good)).frames;
  for (let cut = 4; cut <= good.length; cut++) {
    const { frames, error } = await readAll(good.subarray(0, cut), { pieces: [17] });
    const records = Math.max(0, Math.floor((cut - 24) / 56));
    expect(frames).toEqual(whole.slice(0, records));
    if (cut >= 24 && (cut - 24) % 56 === 0) expect(error).toBeUndefined();
    else
      expect(error).toMatchObject({
        code: "CAPTURE_TRUNCATED",
        details: { offset: cut < 24 ? 0 : 24 + records * 56 },
      });
  }
});

describe("damaged gzip", () => {
  const many = pcap(
    Array.from({ length: 3000 }, (_, i) => ({ data: payload(50 + (i % 90), i), time: BigInt(i) })),
  );
  const packed = gzipSync(many);

  test("cut anywhere: everything that can be unpacked is read", async () => {
    for (const cut of [
      40,
      100,
      1000,
      packed.length >> 1,
      packed.length - 9,
      packed.length - 8,
      packed.length - 1,
    ]) {
      const rest = packed.subarray(0, cut);
      const unpacked = gunzipSync(rest, { finishFlush: constants.Z_SYNC_FLUSH });
      const expected = await readAll(unpacked);
      for (const input of [rest, saved("cut.gz", rest)]) {
        const { frames, error } = await readAll(input);
        expect(frames).toEqual(expected.frames);
        expect(error).toMatchObject({ code: "CAPTURE_TRUNCATED", details: { offset: unpacked.length } });
        expect(error?.message).toMatch(/, byte \d+: the gzip data ends early/);
      }
    }
  });

  test("a wrong checksum: everything is read from a file first", async () => {
    const bytes = Buffer.from(packed);
    bytes[bytes.length - 6]! ^= 1;
    const path = saved("checksum.gz", bytes);
    const { frames, error } = await readAll(path);
    expect(frames).toHaveLength(3000);
    expect(error).toMatchObject({ code: "CAPTURE_CORRUPT", details: { file: path, offset: many.length } });
    expect(error?.message).toMatch(/gzip data is damaged \(incorrect data check\)/);
  });

  test("a fault in the second of two members: the first is read", async () => {
    const second = Buffer.from(packed);
    second.fill(0xff, 10, 60);
    const { frames, error } = await readAll(saved("second.gz", Buffer.concat([packed, second])));
    expect(frames).toHaveLength(3000);
    expect(error).toMatchObject({ code: "CAPTURE_CORRUPT", details: { offset: many.length } });
  });

  test("a fault behind more than one piece of compressed bytes", async () => {
    const noise = Array.from({ length: 900 }, (_, i) => ({
      data: createHash("shake256", { outputLength: 200 }).update(String(i)).digest(),
      time: BigInt(i),
    }));
    const file = pcap(noise);
    const bytes = gzipSync(file);
    bytes[bytes.length - 6]! ^= 1;
    expect(bytes.length).toBeGreaterThan(3 * 32 * 1024);
    const { frames, error } = await readAll(saved("long.gz", bytes));
    expect(frames).toEqual((await readAll(file)).frames);
    expect(error).toMatchObject({ code: "CAPTURE_CORRUPT", details: { offset: file.length } });
  });
});

test("what cannot be opened or read is IO_FAILED with its path", async () => {
  const missing = join(directory, "missing.pcap");
  expect((await readAll(missing)).error).toMatchObject({
    code: "IO_FAILED",
    details: { file: missing, cause: "ENOENT" },
  });
  expect((await readAll(directory)).error).toMatchObject({ code: "IO_FAILED" });
});

test("a stream that breaks gives its frames, then IO_FAILED", async () => {
  const stream = new PassThrough();
  stream.write(good.subarray(0, 100));
  const reader = await CaptureReader.fromStream(stream, "the wire", heapArea(1 << 20));
  let frames = 0;
  const batch = { room: 8, push: () => void frames++ };
  const rest = async () => {
    do while (reader.next(batch) > 0);
    while (await reader.advance());
  };
  setTimeout(() => stream.destroy(new Error("cable pulled")), 20);
  await expect(rest()).rejects.toMatchObject({
    code: "IO_FAILED",
    message: expect.stringContaining("cable pulled"),
  });
  expect(frames).toBe(1);
  expect(await reader.advance()).toBe(false);
});

test("an area that is too small is refused", async () => {
  const path = saved("good.pcap", good);
  await expect(CaptureReader.open(path, heapArea(500_000))).rejects.toThrow(RangeError);
});
