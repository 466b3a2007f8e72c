// What goes out live as a capture: both formats, the time of each frame, a writer that is slower than what comes, and one that fails.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readFrames } from "../../src/capture/index.js";
import { Recording } from "../../src/capture/recording.js";
import { missing } from "./programs.js";

const folder = mkdtempSync(join(tmpdir(), "spangate-recording-"));
afterAll(() => rmSync(folder, { recursive: true }));
const START = 1_700_000_000_000_000_000n;
const frame = (length: number, seed: number) => Uint8Array.from({ length }, (_, i) => seed + i * 5);

async function read(path: string) {
  const frames = [];
  for await (const each of readFrames(path)) frames.push(each);
  return frames;
}

describe.each(["pcap", "pcapng"])("%s", (format) => {
  const path = (name: string) => join(folder, `${name}.${format}`);

  test("has every frame with its time, and what came is in it when no more comes", async () => {
    let time = START;
    const recording = await Recording.open(path("all"), () => time++);
    const frames = [60, 61, 62, 63, 1514, 34_817, 65_531].map(frame);
    const expected = frames.map((data, i) => ({
      data,
      originalLength: data.length,
      timestamp: START + BigInt(i),
      linkType: 1,
    }));
    for (const data of frames.slice(0, 4)) expect(recording.accept(data)).toBe(true);
    await recording.idle();
    expect(await read(path("all"))).toEqual(expected.slice(0, 4));
    for (const data of frames.slice(4)) expect(recording.accept(data)).toBe(true);
    await recording.close();
    expect(await read(path("all"))).toEqual(expected);
    if (missing("capinfos")) return;
    expect(execFileSync("capinfos", ["-c", "-E", path("all")], { encoding: "utf8" })).toMatch(
      /encapsulation: +Ethernet\n.*packets: +7\n/is,
    );
  });

  test("is a capture without frames, too", async () => {
    await (await Recording.open(path("none"))).close();
    expect(await read(path("none"))).toEqual([]);
  });

  test("takes no more than it can hold, and goes on where it was", async () => {
    const recording = await Recording.open(path("much"), () => START);
    let next = 0;
    let refused = 0;
    while (next < 3000) {
      if (recording.accept(frame(4000, next))) next++;
      else {
        refused++;
        await recording.ready();
      }
    }
    await recording.close();
    expect(refused).toBeGreaterThan(0);
    const got = await read(path("much"));
    expect(got.map(({ data }) => Buffer.from(data).toString("hex"))).toEqual(
      Array.from({ length: 3000 }, (_, i) => Buffer.from(frame(4000, i)).toString("hex")),
    );
  });

  test("a disk that is full: nothing more is taken, and everybody who asks is told", async () => {
    symlinkSync("/dev/full", path("full"));
    const recording = await Recording.open(path("full"));
    recording.accept(frame(60, 1));
    const full = { code: "IO_FAILED", message: expect.stringContaining("ENOSPC") };
    await expect(recording.idle()).rejects.toMatchObject(full);
    expect(recording.accept(frame(60, 2))).toBe(false);
    await expect(recording.ready()).rejects.toMatchObject(full);
    await expect(recording.close()).rejects.toMatchObject(full);
  });
});

test("a name that tells no format, and a place that is not there", async () => {
  await expect(Recording.open(join(folder, "out.txt"))).rejects.toMatchObject({ code: "USAGE" });
  await expect(Recording.open(join(folder, "no", "out.pcap"))).rejects.toMatchObject({ code: "IO_FAILED" });
});
