// Every variant of the formats that is read, as rows; and that it does not matter where chunks end.
import { createGzip, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readFrames } from "../../src/capture/index.js";
import { PcapngBuilder, pcap } from "../capture-builder.js";
import { type Frame, payload, readAll } from "./reading.js";

const TIME = 1_700_000_000_123_456_789n;
const MICRO = TIME - (TIME % 1000n);
const data = payload(61);
const hex = Buffer.from(data).toString("hex");
const frame = (over: Partial<Frame> = {}): Frame => ({
  data: hex,
  original: 61,
  time: TIME,
  linkType: 1,
  ...over,
});
const packet = { data, time: TIME };
const ng = (bigEndian = false) => new PcapngBuilder().section({ bigEndian });

describe("a capture of one frame is read", () => {
  const rows: [string, Buffer, Frame][] = [
    ["pcap, microseconds, little endian", pcap([packet]), frame({ time: MICRO })],
    ["pcap, microseconds, big endian", pcap([packet], { bigEndian: true }), frame({ time: MICRO })],
    ["pcap, nanoseconds, little endian", pcap([packet], { nanoseconds: true }), frame()],
    ["pcap, nanoseconds, big endian", pcap([packet], { nanoseconds: true, bigEndian: true }), frame()],
    ["pcap, cut frame", pcap([{ ...packet, originalLength: 1500 }]), frame({ original: 1500, time: MICRO })],
    ["pcap, original under captured", pcap([{ ...packet, originalLength: 3 }]), frame({ time: MICRO })],
    [
      "pcap, link type with FCS length",
      pcap([packet], { linkType: 0x50000065 }),
      frame({ time: MICRO, linkType: 101 }),
    ],
    ["pcap, time 0", pcap([{ data, time: 0n }]), frame({ time: 0n })],
    [
      "pcap, last second of 32 bits",
      pcap([{ data, time: 4294967295_999999999n }], { nanoseconds: true }),
      frame({ time: 4294967295_999999999n }),
    ],
    [
      "pcapng, default resolution",
      ng()
        .interface()
        .enhanced({ data, ticks: MICRO / 1000n })
        .build(),
      frame({ time: MICRO }),
    ],
    [
      "pcapng, big endian",
      ng(true).interface({ resolution: 9, linkType: 276 }).enhanced({ data, ticks: TIME }).build(),
      frame({ linkType: 276 }),
    ],
    [
      "pcapng, options after the frame",
      ng()
        .interface({ resolution: 9, name: "eth0" })
        .enhanced({ data, ticks: TIME, originalLength: 99, options: [[1, Buffer.from("a comment")]] })
        .build(),
      frame({ original: 99 }),
    ],
    [
      "pcapng, obsolete packet block",
      ng().interface().interface({ resolution: 9 }).obsolete({ data, ticks: TIME, interface: 1 }).build(),
      frame(),
    ],
    ["pcapng, simple packet block", ng().interface().simple(data).build(), frame({ time: 0n })],
    [
      "pcapng, simple packet block cut by the snaplen",
      ng().interface({ snaplen: 61 }).simple(data, 900).build(),
      frame({ time: 0n, original: 900 }),
    ],
    [
      "pcapng, simple packet block under the snaplen",
      ng(true).interface({ snaplen: 96 }).simple(data).build(),
      frame({ time: 0n }),
    ],
    [
      "pcapng, unknown blocks and a custom one between",
      ng()
        .block(0x12345, payload(33))
        .interface({ resolution: 9 })
        .block(0xbad, payload(0))
        .enhanced({ data, ticks: TIME })
        .block(5, payload(8))
        .build(),
      frame(),
    ],
  ];
  test.each(rows)("%s", async (_, file, expected) => {
    expect(await readAll(file)).toEqual({ frames: [expected] });
    expect(await readAll(gzipSync(file), { pieces: [1] })).toEqual({ frames: [expected] });
  });
});

describe("timestamps of every resolution are exact", () => {
  const nanoseconds = (ticks: bigint, resolution: number, offset: bigint) => {
    const exponent = BigInt(resolution & 0x7f);
    const unit = resolution & 0x80 ? 1n << exponent : 10n ** exponent;
    return BigInt.asUintN(64, (ticks * 1_000_000_000n) / unit + offset * 1_000_000_000n);
  };
  const all = Array.from({ length: 256 }, (_, resolution) => resolution);

  test.each([
    ["no offset", 0n],
    ["an offset", 1_600_000_000n],
    ["a negative offset", -3n],
  ])("%s", async (_, offset) => {
    const ticks = [
      0n,
      1n,
      0xffffffffn,
      0x1_00000000n,
      TIME,
      MICRO / 1000n,
      0x7fffffff_ffffffffn,
      (1n << 64n) - 1n,
    ];
    const builder = ng();
    for (const resolution of all) builder.interface({ resolution, offset });
    const expected: bigint[] = [];
    for (const resolution of all)
      for (const tick of ticks) {
        builder.enhanced({ data, ticks: tick, interface: resolution });
        expected.push(nanoseconds(tick, resolution, offset));
      }
    const { frames, error } = await readAll(builder.build());
    expect(error).toBeUndefined();
    expect(frames.map(({ time }) => time)).toEqual(expected);
  });

  test("any ticks, by property", async () => {
    const row = fc.record({
      resolution: fc.integer({ min: 0, max: 255 }),
      offset: fc.bigInt({ min: -(1n << 40n), max: 1n << 40n }),
      ticks: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    });
    await fc.assert(
      fc.asyncProperty(row, fc.boolean(), async ({ resolution, offset, ticks }, bigEndian) => {
        const file = ng(bigEndian).interface({ resolution, offset }).enhanced({ data, ticks }).build();
        const { frames } = await readAll(file, { maxCaptured: 100 });
        expect(frames[0]?.time).toBe(nanoseconds(ticks, resolution, offset));
      }),
    );
  });
});

test("sections forget the interfaces before them and may turn the byte order round", async () => {
  const file = new PcapngBuilder()
    .section({ application: "one" })
    .interface({ linkType: 1, resolution: 9 })
    .interface({ linkType: 101, resolution: 6 })
    .enhanced({ data, ticks: MICRO / 1000n, interface: 1 })
    .enhanced({ data, ticks: TIME, interface: 0 })
    .section({ bigEndian: true })
    .interface({ linkType: 113, resolution: 9 })
    .enhanced({ data, ticks: TIME })
    .section()
    .interface({ linkType: 229, resolution: 3 })
    .enhanced({ data, ticks: TIME / 1_000_000n })
    .build();
  expect((await readAll(file)).frames).toEqual([
    frame({ time: MICRO, linkType: 101 }),
    frame(),
    frame({ linkType: 113 }),
    frame({ time: TIME - (TIME % 1_000_000n), linkType: 229 }),
  ]);
});

test("a frame of the greatest length passes, and so does a block whose options are longer than any buffer", async () => {
  const giant = payload(262144);
  const comment = (n: number): [number, Uint8Array][] => Array.from({ length: n }, () => [1, payload(65000)]);
  const file = ng()
    .interface({ resolution: 9 })
    .enhanced({ data: giant, ticks: TIME })
    .enhanced({ data, ticks: TIME, options: comment(40) })
    .block(0xbad, payload(3_000_001))
    .enhanced({ data: giant, ticks: TIME, options: comment(9) })
    .enhanced({ data, ticks: TIME })
    .build();
  for (const bytes of [file, gzipSync(file)]) {
    const { frames, error } = await readAll(bytes, { pieces: [70_001] });
    expect(error).toBeUndefined();
    expect(frames.map((one) => one.data.length / 2)).toEqual([262144, 61, 262144, 61]);
    expect(frames[0]?.data).toBe(Buffer.from(giant).toString("hex"));
    expect(frames[2]?.data).toBe(frames[0]?.data);
  }
});

describe("where chunks end does not matter", () => {
  const lengths = fc.array(fc.integer({ min: 0, max: 150 }), { maxLength: 25 });
  const reading = fc.record({
    pieces: fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 }),
    batch: fc.integer({ min: 1, max: 9 }),
    spare: fc.integer({ min: 1, max: 400 }),
  });
  const area = (spare: number) => 2 * (Math.ceil((150 + 32) / 64) * 64 + spare);

  test("pcap", async () => {
    await fc.assert(
      fc.asyncProperty(lengths, reading, fc.boolean(), async (sizes, { spare, ...how }, bigEndian) => {
        const packets = sizes.map((size, i) => ({
          data: payload(size, i),
          time: TIME + BigInt(i) * 999_999_937n,
        }));
        const file = pcap(packets, { bigEndian, nanoseconds: true });
        const outcome = await readAll(file, { ...how, area: area(spare), maxCaptured: 150 });
        expect(outcome).toEqual({
          frames: packets.map((one) => ({
            data: Buffer.from(one.data).toString("hex"),
            original: one.data.length,
            time: one.time,
            linkType: 1,
          })),
        });
      }),
      { numRuns: 300 },
    );
  });

  test("pcapng, all kinds of blocks", async () => {
    const kinds = fc.array(fc.tuple(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 150 })), {
      maxLength: 25,
    });
    await fc.assert(
      fc.asyncProperty(kinds, reading, async (blocks, { spare, ...how }) => {
        const builder = ng().interface({ resolution: 9 });
        const frames: Frame[] = [];
        blocks.forEach(([kind, size], i) => {
          const bytes = payload(size, i);
          const time = TIME + BigInt(i) * 999_999_937n;
          const expected = { data: Buffer.from(bytes).toString("hex"), original: size, time, linkType: 1 };
          const comment: [number, Uint8Array][] = [[1, payload(size * 5)]];
          if (kind === 0) builder.section({ bigEndian: i % 2 === 1 }).interface({ resolution: 9 });
          else if (kind === 1) builder.block(0xbad, payload(size * 20));
          else if (kind === 2) builder.simple(bytes);
          else if (kind === 3) builder.obsolete({ data: bytes, ticks: time });
          else if (kind === 4) builder.enhanced({ data: bytes, ticks: time, options: comment });
          else builder.enhanced({ data: bytes, ticks: time });
          if (kind === 2) frames.push({ ...expected, time: 0n });
          else if (kind > 2) frames.push(expected);
        });
        const outcome = await readAll(builder.build(), { ...how, area: area(spare), maxCaptured: 150 });
        expect(outcome).toEqual({ frames });
      }),
      { numRuns: 500 },
    );
  });
});

test("gzip: members one after the other, cut anywhere, padded with zeros", async () => {
  const packets = [0, 1, 2].map((i) => ({ data: payload(40, i), time: MICRO }));
  const file = pcap(packets);
  const members = Buffer.concat(
    [0, 30, 31, 100].map((from, i, all) => gzipSync(file.subarray(from, all[i + 1]))),
  );
  const plain = await readAll(file);
  expect(plain.frames).toHaveLength(3);
  for (const size of [1, 2, 3, 7, 64, 1000]) {
    expect(await readAll(members, { pieces: [size] })).toEqual(plain);
    expect(await readAll(Buffer.concat([members, Buffer.alloc(512)]), { pieces: [size] })).toEqual(plain);
  }
});

test("readFrames: copies, with bigint times, from a stream", async () => {
  const gzip = createGzip();
  gzip.end(pcap([packet, { ...packet, originalLength: 80 }], { nanoseconds: true }));
  const frames = [];
  for await (const one of readFrames(gzip)) frames.push(one);
  expect(frames).toEqual([
    { data, originalLength: 61, timestamp: TIME, linkType: 1 },
    { data, originalLength: 80, timestamp: TIME, linkType: 1 },
  ]);
});
