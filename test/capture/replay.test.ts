// When each packet of a capture comes again: by a clock that the test has, so that nobody waits and every time is known.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { CapturedFrame } from "../../src/capture/frames.js";
import { type Clock, Replay, type ReplayTarget } from "../../src/capture/replay.js";
import { SpangateError } from "../../src/errors.js";
import { pcap } from "../capture-builder.js";

const folder = mkdtempSync(join(tmpdir(), "spangate-pace-"));
afterAll(() => rmSync(folder, { recursive: true }));
const SECOND = 1_000_000_000n;
const RECORDED = 1_700_000_000n * SECOND;
const NOW = 2_000_000_000n * SECOND;

/** A capture with packets at these times (ns after the first), whose first byte is their number. */
function capture(times: readonly bigint[], cut = 0): string {
  const path = join(folder, `${times.length}-${Math.random()}.pcap`);
  const packets = times.map((time, i) => ({
    data: Uint8Array.of(i, 0, 0),
    time: RECORDED + time,
    originalLength: 60,
  }));
  const file = pcap(packets, { nanoseconds: true });
  writeFileSync(path, file.subarray(0, file.length - cut));
  return path;
}

/** Time passes while it is slept, and nowhere else. */
class FakeClock implements Clock {
  time = NOW;
  readonly sleeps: number[] = [];
  now = () => this.time;
  sleep = async (nanoseconds: number) => {
    this.sleeps.push(nanoseconds);
    this.time += BigInt(Math.ceil(nanoseconds));
  };
}

/** What came and when (ns after the first), and what was waited for. */
class Target implements ReplayTarget {
  readonly came: [number: number, time: number][] = [];
  readonly events: string[] = [];
  readonly frames: CapturedFrame[] = [];
  async pushAll(frames: readonly CapturedFrame[], now: () => bigint): Promise<void> {
    this.events.push(`push ${frames.length}`);
    for (const frame of frames) {
      this.came.push([frame.data[0]!, Number(now() - NOW)]);
      this.frames.push({ ...frame, data: frame.data.slice() });
    }
  }
  async done(of: string): Promise<void> {
    this.events.push(of);
  }
}

describe("a replay", () => {
  test.each([
    [1, [0, 1000, 1000, 5_000_000]],
    [2, [0, 500, 500, 2_500_000]],
    [0.5, [0, 2000, 2000, 10_000_000]],
    [3, [0, 334, 334, 1_666_667]],
  ])("at speed %d", async (speed, expected) => {
    const [target, clock] = [new Target(), new FakeClock()];
    const replay = await Replay.open(capture([0n, 1000n, 1000n, 5_000_000n]));
    await replay.run(target, { speed, clock });
    expect(target.came).toEqual(expected.map((time, i) => [i, time]));
    expect(target.events).toEqual(["push 1", "push 2", "push 1", "processed"]);
  });

  test("as fast as packets are taken", async () => {
    const [target, clock] = [new Target(), new FakeClock()];
    const replay = await Replay.open(capture([0n, 1000n * SECOND, 2000n * SECOND]));
    await replay.run(target, { speed: "max", clock });
    expect(target.events).toEqual(["push 3", "processed"]);
    expect(clock.sleeps).toEqual([]);
  });

  test("gives bytes, length and link type as they were recorded", async () => {
    const target = new Target();
    const path = join(folder, "raw.pcap");
    const data = Uint8Array.of(0x45, 1, 2, 3);
    writeFileSync(path, pcap([{ data, time: RECORDED, originalLength: 1500 }], { linkType: 101 }));
    await (await Replay.open(path)).run(target, { speed: "max" });
    expect(target.frames).toMatchObject([{ data, originalLength: 1500, linkType: 101 }]);
  });

  test("a packet that lies before another comes with it, and the others keep their time", async () => {
    const [target, clock] = [new Target(), new FakeClock()];
    const replay = await Replay.open(capture([0n, 5000n, -3000n, 2000n, 6000n]));
    await replay.run(target, { speed: 1, clock });
    expect(target.came.map(([, time]) => time)).toEqual([0, 5000, 5000, 5000, 6000]);
  });

  test("who is late catches up, in the same order", async () => {
    const [target, clock] = [new Target(), new FakeClock()];
    const replay = await Replay.open(capture([0n, 1000n, 2000n, 9000n]));
    const { pushAll } = target;
    target.pushAll = async (frames, now) => {
      await pushAll.call(target, frames, now);
      if (frames[0]!.data[0] === 0) clock.time += 4000n;
    };
    await replay.run(target, { speed: 1, clock });
    expect(target.came).toEqual([
      [0, 0],
      [1, 4000],
      [2, 4000],
      [3, 9000],
    ]);
  });

  test("waits for what was pushed, a window at a time", async () => {
    const target = new Target();
    const replay = await Replay.open(capture([0n, 0n, 0n, 0n, 0n]));
    await replay.run(target, { speed: "max", window: 2 });
    const window = ["push 2", "settled"];
    expect(target.events).toEqual([...window, ...window, "push 1", "settled", "processed"]);
  });

  test("more packets than fit into a batch or a chunk", async () => {
    const target = new Target();
    const times = Array.from({ length: 1000 }, (_, i) => BigInt(i));
    await (await Replay.open(capture(times))).run(target, { speed: 1, clock: new FakeClock() });
    expect(target.came).toEqual(times.map((time, i) => [i & 0xff, Number(time)]));
  });

  test("a capture that is cut: everything before comes, and then the error", async () => {
    const target = new Target();
    const replay = await Replay.open(capture([0n, 1000n, 2000n], 1));
    const error = await replay.run(target, { speed: "max" }).catch((reason: SpangateError) => reason);
    expect(error).toBeInstanceOf(SpangateError);
    expect((error as SpangateError).code).toBe("CAPTURE_TRUNCATED");
    expect(target.events).toEqual(["push 2", "processed"]);
  });

  test("stopped while it waits", async () => {
    const target = new Target();
    const replay = await Replay.open(capture([0n, 1000n * SECOND]));
    const sleep = async (_: number, signal: AbortSignal) => {
      replay.stop();
      expect(signal.aborted).toBe(true);
    };
    await replay.run(target, { speed: 1, clock: { now: () => NOW, sleep } });
    expect(target.events).toEqual(["push 1", "processed"]);
  });

  test("no packets at all", async () => {
    const target = new Target();
    await (await Replay.open(capture([]))).run(target, { speed: 1, clock: new FakeClock() });
    expect(target.events).toEqual(["processed"]);
  });
});
