// Captures that are written: own reader, tshark and capinfos agree on them; and how an output behaves when the disk is
// full, the reader slow, or gone.
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import {
  type CaptureWriter,
  createCapture,
  formatOf,
  heapArea,
  OutputFile,
} from "../../src/capture/index.js";
import { missing, tshark } from "./programs.js";
import { payload, readAll } from "./reading.js";

const directory = mkdtempSync(join(tmpdir(), "spangate-write-"));
afterAll(() => rmSync(directory, { recursive: true }));

interface Written {
  readonly name: string;
  readonly linkType: number;
  readonly data: Uint8Array;
  readonly original: number;
  readonly time: bigint;
}

/** What the engine does with its packets, in slow motion. */
async function put(writer: CaptureWriter, area: ReturnType<typeof heapArea>, frame: Written): Promise<void> {
  const { data, original, time } = frame;
  let id = writer.interfaceFor(frame.name, frame.linkType);
  while (id < 0) {
    await writer.file.ready();
    id = writer.interfaceFor(frame.name, frame.linkType);
  }
  const pcapng = writer.format === "pcapng";
  const length = pcapng ? 32 + ((data.length + 3) & ~3) : 16 + data.length;
  let address = writer.file.reserve(length);
  while (address < 0) {
    await writer.file.ready();
    address = writer.file.reserve(length);
  }
  const bytes = Buffer.from(area.bytes().buffer, address, length).fill(0);
  const words = pcapng
    ? [6, length, id, Number(time >> 32n), Number(time & 0xffffffffn), data.length, original]
    : [Number(time / 1_000_000_000n), Number(time % 1_000_000_000n), data.length, original];
  words.forEach((word, i) => {
    bytes.writeUInt32LE(word, 4 * i);
  });
  bytes.set(data, 4 * words.length);
  if (pcapng) bytes.writeUInt32LE(length, length - 4);
  writer.file.commit(length);
}

const TIME = 1_700_000_000_123_456_789n;
const frames: Written[] = Array.from({ length: 700 }, (_, i) => ({
  name: ["erspan/10.77.0.1/100", "vxlan/10.77.0.2/7", "gre/2001:db8::1/-"][i % 3]!,
  linkType: 1,
  data: payload(60 + (i % 200), i),
  original: 60 + (i % 300 < 200 ? i % 200 : 400),
  time: TIME + BigInt(i) * 1_000_003n,
}));
const expected = frames.map(({ data, original, time, linkType }) => ({
  data: Buffer.from(data).toString("hex"),
  original,
  time,
  linkType,
}));

describe.each(["out.pcapng", "out.pcap"])("%s", (name) => {
  const path = join(directory, name);

  test.each([
    ["large blocks", 1 << 21, undefined],
    ["small blocks", 4096, 512],
  ])("is read back, %s", async (_, length, blockLength) => {
    const area = heapArea(length);
    const options = { application: "spangate 0.1.0", ...(blockLength === undefined ? {} : { blockLength }) };
    const writer = await createCapture(path, area, options);
    for (const frame of frames) await put(writer, area, frame);
    await writer.close();
    await writer.close();
    expect(statSync(path).size).toBe(writer.file.bytesWritten);
    expect(await readAll(path)).toEqual({ frames: expected });
  });

  test.skipIf(missing("tshark"))("is read by tshark", () => {
    const seen = tshark(path, ["frame.time_epoch", "frame.len", "frame.cap_len", "frame.interface_name"]);
    const names = name.endsWith("ng");
    expect(seen).toEqual(
      frames.map((one) => {
        const time = `${one.time / 1_000_000_000n}.${String(one.time % 1_000_000_000n).padStart(9, "0")}`;
        return [time, String(one.original), String(one.data.length), names ? one.name : ""];
      }),
    );
  });

  test.skipIf(missing("capinfos"))("is read by capinfos", () => {
    const report = execFileSync("capinfos", [path], { encoding: "utf8" });
    expect(report).toMatch(/Number of packets:\s+700\n/);
    expect(report).toMatch(/File encapsulation:\s+Ethernet/);
    if (!name.endsWith("ng")) return expect(report).toMatch(/nanosecond (lib)?pcap/);
    expect(report).toMatch(/Capture application:\s+spangate 0\.1\.0/);
    expect(report).toMatch(/Number of interfaces in file:\s+3/);
    expect(report).toMatch(/Name = erspan\/10\.77\.0\.1\/100[\s\S]*Time precision = nanoseconds/);
  });
});

describe("captures without packets, and link types", () => {
  test.each(["empty.pcapng", "empty.pcap"])("%s is a capture", async (name) => {
    const path = join(directory, name);
    await (await createCapture(path, heapArea(4096), { application: "test" })).close();
    expect(await readAll(path)).toEqual({ frames: [] });
  });

  test("pcapng: an interface for each name and link type", async () => {
    const path = join(directory, "types.pcapng");
    const area = heapArea(4096);
    const writer = await createCapture(path, area, { application: "test" });
    expect(writer.interfaceFor("a", 1)).toBe(0);
    expect(writer.interfaceFor("b", 1)).toBe(1);
    expect(writer.interfaceFor("a", 101)).toBe(2);
    expect(writer.interfaceFor("b", 1)).toBe(1);
    await put(writer, area, { ...frames[0]!, name: "a", linkType: 101 });
    await writer.close();
    expect((await readAll(path)).frames).toEqual([{ ...expected[0], linkType: 101 }]);
  });

  test("pcap: a second link type is refused, and says what to do", async () => {
    const path = join(directory, "types.pcap");
    const writer = await createCapture(path, heapArea(4096), { application: "test" });
    expect(writer.interfaceFor("a", 101)).toBe(0);
    expect(writer.interfaceFor("b", 101)).toBe(0);
    const refused = expect.objectContaining({
      code: "OUTPUT_LINK_TYPE",
      message: expect.stringMatching(/\.pcapng/),
    });
    expect(() => writer.interfaceFor("a", 1)).toThrow(refused);
    await writer.close();
  });

  test.each([
    ["-", "pcapng"],
    ["a/b.pcapng", "pcapng"],
    ["a.b/C.PCAP", "pcap"],
  ])("the format of %s is %s", (path, format) => {
    expect(formatOf(path)).toBe(format);
  });

  test.each(["out", "out.cap", "out.pcap.gz", "pcap"])("the name %s is refused", (path) => {
    const usage = expect.objectContaining({
      code: "USAGE",
      message: expect.stringMatching(/\.pcapng or \.pcap/),
    });
    expect(() => formatOf(path)).toThrow(usage);
  });
});

describe("an output file", () => {
  /** Writes pieces of given sizes and returns all their bytes. */
  async function pour(
    file: OutputFile,
    area: ReturnType<typeof heapArea>,
    sizes: readonly number[],
  ): Promise<Buffer> {
    const all: Uint8Array[] = [];
    for (const [i, size] of sizes.entries()) {
      let address = file.reserve(size);
      while (address < 0) {
        await file.ready();
        address = file.reserve(size);
      }
      expect(file.room).toBeGreaterThanOrEqual(size);
      all.push(payload(size, i));
      area.bytes().set(all.at(-1)!, address);
      file.commit(size);
      if (size % 7 === 3) await file.flush();
    }
    return Buffer.concat(all);
  }

  test("keeps order and loses nothing, whatever the blocks", async () => {
    const path = join(directory, "order");
    const sizes = fc.array(fc.integer({ min: 0, max: 64 }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.integer({ min: 64, max: 200 }),
        fc.integer({ min: 2, max: 5 }),
        async (all, length, n) => {
          const area = heapArea(length * n);
          const file = await OutputFile.open(path, area, { blockLength: length });
          const bytes = await pour(file, area, all);
          expect(file.bytesWritten).toBe(bytes.length);
          await file.close();
          expect(readFileSync(path).equals(bytes)).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("a slow reader is waited for, short writes are completed", async () => {
    const path = join(directory, "slow");
    execFileSync("mkfifo", [path]);
    const reader = spawn("sh", ["-c", `exec < ${path}; sleep 0.2; cat > ${path}.out`], { stdio: "ignore" });
    const area = heapArea(4 * 300_000);
    const file = await OutputFile.open(path, area, { blockLength: 300_000 });
    const bytes = await pour(
      file,
      area,
      Array.from({ length: 40 }, () => 200_000),
    );
    await file.close();
    await new Promise((resolve) => reader.on("close", resolve));
    expect(readFileSync(`${path}.out`).equals(bytes)).toBe(true);
  });

  test("a reader that has gone ends the writing without an error", async () => {
    const path = join(directory, "gone");
    execFileSync("mkfifo", [path]);
    const reader = spawn("head", ["-c", "1", path], { stdio: "ignore" });
    const area = heapArea(8192);
    const file = await OutputFile.open(path, area);
    await new Promise((resolve) => {
      reader.on("close", resolve);
      file.append(payload(1));
      void file.flush();
    });
    expect(file.closed).toBe(false);
    await pour(
      file,
      area,
      Array.from({ length: 50 }, () => 4000),
    );
    expect(file.closed).toBe(true);
    await file.close();
  });

  test("a full disk is IO_FAILED with the path", async () => {
    const area = heapArea(8192);
    const file = await OutputFile.open("/dev/full", area);
    const failed = {
      code: "IO_FAILED",
      message: expect.stringMatching(/\/dev\/full.*ENOSPC/),
      details: { cause: "ENOSPC" },
    };
    await expect(pour(file, area, [4000, 4000, 4000, 4000, 4000])).rejects.toMatchObject(failed);
    expect(() => file.reserve(1)).toThrow(expect.objectContaining({ code: "IO_FAILED" }));
    await expect(file.close()).rejects.toMatchObject(failed);
    await file.close();
  });

  test("a path that cannot be opened is IO_FAILED", async () => {
    const path = join(directory, "no/such/folder.pcap");
    await expect(OutputFile.open(path, heapArea(8192))).rejects.toMatchObject({
      code: "IO_FAILED",
      details: { file: path },
    });
  });

  test("a mode counts for a file that exists, too", async () => {
    const path = join(directory, "quarantine.pcapng");
    writeFileSync(path, "old and open to all");
    chmodSync(path, 0o666);
    const file = await OutputFile.open(path, heapArea(8192), { mode: 0o600 });
    await file.close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(path).size).toBe(0);
  });

  test("areas and pieces that cannot work are refused", async () => {
    await expect(OutputFile.open("/dev/null", heapArea(1000), { blockLength: 501 })).rejects.toThrow(
      RangeError,
    );
    const file = await OutputFile.open("/dev/null", heapArea(1000));
    expect(() => file.reserve(501)).toThrow(RangeError);
    await file.close();
  });
});
