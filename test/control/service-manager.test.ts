// What a service manager is told, with its clock in the test's hands: ready, alive only while workers go on, reading again, ending.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ServiceManager } from "../../src/control/service-manager.js";

const SECOND = 1000;
let said: string[][];
const manager = { say: (...lines: string[]) => void said.push(lines) };
const beats = () => said.filter(([line]) => line === "WATCHDOG=1").length;

beforeEach(() => {
  said = [];
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("ready, with words for people in one line", () => {
  new ServiceManager(manager, {}).ready("afxdp;\ncopy", () => true);
  expect(said).toEqual([["READY=1", "STATUS=afxdp; copy"]]);
  vi.advanceTimersByTime(60 * SECOND);
  expect(beats()).toBe(0);
});

test("it beats twice in the manager's time, as long as all moves", () => {
  let isMoving = true;
  const service = new ServiceManager(manager, { WATCHDOG_USEC: "10000000" });
  vi.advanceTimersByTime(60 * SECOND);
  expect(beats()).toBe(0); // not before it is ready
  service.ready("", () => isMoving);
  vi.advanceTimersByTime(20 * SECOND);
  expect(beats()).toBe(4);
  isMoving = false;
  vi.advanceTimersByTime(60 * SECOND);
  expect(beats()).toBe(4);
  isMoving = true;
  vi.advanceTimersByTime(5 * SECOND);
  expect(beats()).toBe(5);
  service.stopping("ends");
  vi.advanceTimersByTime(60 * SECOND);
  expect(beats()).toBe(5);
  expect(said.at(-1)).toEqual(["STOPPING=1", "STATUS=ends"]);
});

test.each([
  ["another process's", { WATCHDOG_USEC: "1000000", WATCHDOG_PID: "1" }],
  ["no number", { WATCHDOG_USEC: "soon" }],
  ["none", { WATCHDOG_USEC: "0" }],
])("a watchdog that is %s is not fed", (_, wishes) => {
  new ServiceManager(manager, wishes, 2).ready("", () => true);
  vi.advanceTimersByTime(60 * SECOND);
  expect(beats()).toBe(0);
});

test("its own is", () => {
  new ServiceManager(manager, { WATCHDOG_USEC: "1000000", WATCHDOG_PID: "2" }, 2).ready("", () => true);
  vi.advanceTimersByTime(SECOND);
  expect(beats()).toBe(2);
});

test.each([false, true])(
  "while it reads its configuration again the manager waits; fails: %s",
  async (fails) => {
    const service = new ServiceManager(manager, {});
    const before = process.hrtime.bigint() / 1000n;
    const work = service.reloading(async () => {
      expect(said).toEqual([["RELOADING=1", expect.stringMatching(/^MONOTONIC_USEC=\d+$/)]]);
      if (fails) throw new Error("a mistake");
      return 7;
    });
    await (fails ? expect(work).rejects.toThrow("a mistake") : expect(work).resolves.toBe(7));
    expect(said.at(-1)).toEqual(["READY=1"]);
    const told = BigInt(said[0]![1]!.slice("MONOTONIC_USEC=".length));
    expect(told).toBeGreaterThanOrEqual(before);
    expect(told).toBeLessThanOrEqual(process.hrtime.bigint() / 1000n);
  },
);
