// Sleeping in `poll` and being woken: by a thread, by time, by a signal.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { createEvent, drain, PollSet, wake } from "../../src/linux/index.js";
import { eventually } from "./namespace.js";

const beside = (name: string) => fileURLToPath(new URL(name, import.meta.url));

describe.skipIf(process.platform !== "linux")("poll", () => {
  test("one of several is ready, until it is drained", () => {
    const events = [createEvent(), createEvent(), createEvent()];
    const poll = new PollSet(events);
    const ready = () => events.map((_, i) => poll.ready(i));
    expect(poll.wait(0)).toBe(0);
    expect(ready()).toEqual([false, false, false]);
    for (let i = 0; i < 3; i++) wake(events[1]!);
    expect(poll.wait(-1)).toBe(1);
    expect(ready()).toEqual([false, true, false]);
    expect(drain(events[1]!)).toBe(true);
    expect(drain(events[1]!)).toBe(false);
    expect(poll.wait(0)).toBe(0);
    expect(ready()).toEqual([false, false, false]);
    events.forEach(closeSync);
  });

  test("waits no longer than it is told to", () => {
    const event = createEvent();
    const start = performance.now();
    expect(new PollSet([event]).wait(50)).toBe(0);
    expect(performance.now() - start).toBeGreaterThanOrEqual(49);
    closeSync(event);
  });

  test("a writer is waited for only while it is wanted", () => {
    const [event, writer] = [createEvent(), createEvent()];
    const poll = new PollSet([event], [writer]);
    expect(poll.wait(0)).toBe(0);
    poll.want(0, true);
    expect(poll.wait(-1)).toBe(1);
    expect([poll.ready(0), poll.writable(1), poll.failed(1)]).toEqual([false, true, false]);
    poll.want(0, false);
    expect(poll.wait(0)).toBe(0);
    expect(poll.writable(1)).toBe(false);
    for (const fd of [event, writer]) closeSync(fd);
  });

  test("a closed descriptor has failed", () => {
    const closed = openSync("/dev/null", "r");
    closeSync(closed);
    const poll = new PollSet([closed]);
    expect(poll.wait(0)).toBe(1);
    expect([poll.ready(0), poll.failed(0)]).toEqual([false, true]);
    expect(() => wake(closed)).toThrowError(expect.objectContaining({ code: "SYSTEM_CALL" }));
  });

  test("a worker sleeps until it is woken, and misses nothing", async () => {
    const event = createEvent();
    const counts = new Int32Array(new SharedArrayBuffer(12));
    const worker = new Worker(beside("sleeper.mjs"), { workerData: { event, counts } });
    await once(worker, "message");
    const ended = once(worker, "exit");
    let given = 0;
    for (let round = 0; round < 400; round++) {
      // Half of the time it sleeps already, else it is about to.
      if (round % 2 === 0)
        await eventually(() => (Atomics.load(counts, 2) === 1 && Atomics.load(counts, 0) === 0) || undefined);
      for (let i = 0; i <= round % 3; i++, given++) {
        Atomics.add(counts, 0, 1);
        wake(event);
      }
    }
    await eventually(() => Atomics.load(counts, 1) === given || undefined);
    Atomics.store(counts, 0, -1);
    wake(event);
    await ended;
    closeSync(event);
  });

  test("makes no garbage, and ends early by a signal", async () => {
    const program = spawn(process.execPath, ["--expose-gc", beside("poll-program.mjs")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    program.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (text.includes("sleeping")) setTimeout(() => program.kill("SIGUSR2"), 300);
    });
    expect(await once(program, "exit")).toEqual([0, null]);
    const { bytesPerCall, ready, slept, stale } = JSON.parse(output.split("\n")[1]!) as Record<
      string,
      number
    >;
    // The smallest object takes 12; the rest is what V8 notes about the code.
    expect(bytesPerCall).toBeLessThan(6);
    expect([ready, stale]).toEqual([0, false]);
    expect(slept).toBeGreaterThan(100);
    expect(slept).toBeLessThan(15_000);
  });
});
