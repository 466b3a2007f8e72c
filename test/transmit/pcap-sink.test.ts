// A sniffer's files: what is in them, when the next one begins, which of them stay, and what happens when the disk is full.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { interfaceDescription, sectionHeader } from "../../src/capture/blocks.js";
import { readFrames } from "../../src/capture/index.js";
import { type PcapPlace, PcapSink } from "../../src/transmit/pcap-sink.js";
import { missing, tshark } from "../capture/programs.js";
import { NUMBER_AT } from "../engine/queue-gateway.js";
import { Bench, frames } from "../engine/sender-bench.js";

const AREA = 1 << 18;
const BLOCKS = {
  section: () => sectionHeader("test"),
  interface: (name: string, linkType: number) => interfaceDescription(name, linkType, 0),
};
/** Of a frame of 64 bytes. */
const BLOCK = 28 + 64 + 4;

class Files {
  /** What the sink has said. */
  readonly said: string[] = [];
  readonly sink: PcapSink;
  readonly #queue;
  #sent = 0;

  private constructor(
    readonly bench: Bench,
    readonly directory: string,
    place: Partial<PcapPlace>,
  ) {
    const { engine, sender } = bench;
    const area = { address: engine.allocate(AREA).address, length: AREA };
    const talk = {
      trouble: (text: string | undefined) => this.said.push(text ?? "well again"),
      remark: (text: string) => this.said.push(text),
      fatal: (error: Error) => this.said.push(`fatal: ${error.message}`),
    };
    this.sink = new PcapSink(
      { sniffer: "a", directory, size: 2 ** 30, keep: 8, diskFull: "drop", ...place },
      { ...sender.memory, base: 0 },
      area,
      BLOCKS,
      talk,
    );
    this.#queue = bench.queue();
    onTestFinished(() => this.sink.close());
  }

  static async create(directory: string, place: Partial<PcapPlace> = {}, workers = 1): Promise<Files> {
    return new Files(await Bench.create({ workers }), directory, place);
  }

  /** Hands over so many frames, numbered. Gives how many were refused. */
  write(count: number, worker = 0): number {
    let refused = 0;
    for (let left = count; left > 0; left -= 200) {
      const some = Math.min(left, 200);
      this.bench.receive(frames(some, this.#sent), worker);
      this.#sent += some;
      for (let waiting = this.#queue.take(); waiting > 0; waiting = this.#queue.take()) {
        const sent = this.sink.send(this.#queue, waiting);
        if (sent < waiting) refused++;
        this.#queue.settle(sent, sent < waiting);
      }
      for (const each of this.bench.workers) each.reclaim();
    }
    return refused;
  }

  get names(): string[] {
    return readdirSync(this.directory).sort();
  }
  async numbers(name: string): Promise<number[]> {
    const found: number[] = [];
    for await (const { data } of readFrames(join(this.directory, name)))
      found.push(new DataView(data.buffer, data.byteOffset).getUint32(NUMBER_AT));
    return found;
  }
  async all(): Promise<number[]> {
    return (await Promise.all(this.names.map((name) => this.numbers(name)))).flat();
  }
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "spangate-files-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
const upTo = (count: number, first = 0) => Array.from({ length: count }, (_, i) => first + i);

test("every frame, its time and its session, whole after every batch", async () => {
  const files = await Files.create(folder(), {}, 2);
  for (let i = 0; i < 5; i++) {
    files.write(30, i & 1);
    expect((await files.all()).length).toBe(30 * (i + 1));
  }
  const [name] = files.names;
  expect(name).toMatch(/^a-\d{8}T\d{6}Z-000001\.pcapng$/);
  expect(statSync(join(files.directory, name!)).mode & 0o777).toBe(0o640);
  expect(await files.all()).toEqual(upTo(150));
  if (missing("tshark")) return;
  const rows = tshark(join(files.directory, name!), [
    "frame.time_epoch",
    "frame.interface_name",
    "frame.len",
  ]);
  expect(rows).toHaveLength(150);
  // The session of both workers is one interface.
  expect(new Set(rows.map(([, interfaceName]) => interfaceName)).size).toBe(1);
  expect(rows[0]).toEqual(["0.000000007", expect.stringMatching(/^erspan\//), "64"]);
});

test("a full file makes room for the next, and so many stay", async () => {
  const size = 10 * BLOCK;
  const files = await Files.create(folder(), { size, keep: 3 });
  files.write(100);
  expect(files.names).toHaveLength(3);
  for (const name of files.names)
    expect(statSync(join(files.directory, name)).size).toBeLessThanOrEqual(size);
  const numbers = await files.all();
  expect(numbers).toEqual(upTo(numbers.length, 100 - numbers.length));
  expect(numbers.length).toBeGreaterThan(12);
});

test("a frame that is longer than a file has one for itself", async () => {
  const files = await Files.create(folder(), { size: 10 });
  files.write(5);
  expect(files.names).toHaveLength(5);
  expect(await files.all()).toEqual(upTo(5));
});

test("files of earlier runs count, those of others do not", async () => {
  const directory = folder();
  const others = ["a-b-20200101T000000Z-000001.pcapng", "a-notes.txt", "b-20200101T000000Z-000009.pcapng"];
  const ours = ["a-20300101T000000Z-000007.pcapng", "a-20200101T000000Z-000009.pcapng"];
  for (const name of [...others, ...ours]) writeFileSync(join(directory, name), "");
  const files = await Files.create(directory, { keep: 2 });
  files.write(1);
  const left = files.names.filter((name) => !others.includes(name));
  // Of the clock nobody can be sure, of the number one can.
  expect(left).toEqual([ours[1], expect.stringMatching(/-000010\.pcapng$/)]);
  expect(files.names).toEqual(expect.arrayContaining(others));
});

test("a folder that is gone refuses packets, and is tried again", async () => {
  const directory = join(folder(), "gone");
  const files = await Files.create(directory);
  expect(files.write(10)).toBe(10);
  expect(files.said).toEqual([expect.stringMatching(/^cannot write the files of a in .*gone: ENOENT/)]);
  mkdirSync(directory);
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(files.write(10)).toBe(0);
  expect(files.said[1]).toBe("well again");
  expect(await files.all()).toEqual(upTo(10, 10));
});

/** A disk of its own. */
function smallDisk(bytes: number): string {
  const directory = folder();
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "spangate-test", directory]);
  onTestFinished(() => {
    execFileSync("umount", ["-l", directory]);
  });
  return directory;
}

describe.skipIf(process.getuid?.() !== 0)("a full disk", () => {
  const DISK = 64 * 1024;
  const MUCH = 2000;

  test("drop: what has no room is refused, until there is room again", async () => {
    const directory = smallDisk(DISK);
    const files = await Files.create(directory, { diskFull: "drop", size: DISK / 4 });
    const refused = files.write(MUCH);
    expect(refused).toBeGreaterThan(MUCH / 2);
    expect(files.said).toEqual([expect.stringMatching(/the disk is full; what is for it is a send-error$/)]);
    const before = await files.all();
    expect(before).toEqual(upTo(MUCH - refused));
    rmSync(join(directory, files.names[0]!));
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(files.write(50)).toBe(0);
    expect(files.said[1]).toBe("well again");
    expect((await files.all()).slice(-50)).toEqual(upTo(50, MUCH));
  });

  test("remove-oldest: the newest are there", async () => {
    const files = await Files.create(smallDisk(DISK), { diskFull: "remove-oldest", size: DISK / 4 });
    expect(files.write(MUCH)).toBe(0);
    const numbers = await files.all();
    expect(numbers).toEqual(upTo(numbers.length, MUCH - numbers.length));
    expect(numbers.length).toBeGreaterThan(300);
    expect(files.said).toEqual([]);
  });

  test("remove-oldest, when there is only the one that is written", async () => {
    const files = await Files.create(smallDisk(DISK), { diskFull: "remove-oldest", size: 2 * DISK });
    expect(files.write(MUCH)).toBe(0);
    const numbers = await files.all();
    expect(numbers).toEqual(upTo(numbers.length, MUCH - numbers.length));
  });

  test("stop: the gateway is told to end, once", async () => {
    const files = await Files.create(smallDisk(DISK), { diskFull: "stop" });
    const refused = files.write(MUCH);
    expect(files.said).toEqual([
      expect.stringMatching(/the disk is full/),
      expect.stringMatching(/^fatal: cannot write .*: the disk is full \(diskFull: stop\)\.$/),
    ]);
    expect(await files.all()).toEqual(upTo(MUCH - refused));
  });
});
