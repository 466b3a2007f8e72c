// The time of arrival, with both clocks in the test's hands.

import { afterEach, beforeEach, expect, test, vi } from "vitest";

const HOUR = 3_600_000;
type SystemTime = typeof import("../../src/capture/system-time.js");

let clock: SystemTime;
/** Milliseconds of the even clock, and of the system's, which comes in whole ones. */
let even: number;
let day: number;

beforeEach(async () => {
  even = 5000.25;
  day = performance.timeOrigin + even;
  vi.spyOn(performance, "now").mockImplementation(() => even);
  vi.spyOn(Date, "now").mockImplementation(() => Math.floor(day));
  vi.resetModules();
  clock = await import("../../src/capture/system-time.js");
});
afterEach(() => {
  vi.restoreAllMocks();
});

function pass(milliseconds: number): void {
  even += milliseconds;
  day += milliseconds;
}
/** Milliseconds by which both ways to ask are off the system's clock. */
function expectOff(most: number, least = -most): void {
  for (const now of [Number(clock.systemTime()), clock.approximateTime()]) {
    expect(now / 1e6 - day).toBeLessThan(most);
    expect(now / 1e6 - day).toBeGreaterThan(least);
  }
}

test("runs evenly, whatever whole milliseconds say", () => {
  for (let i = 0; i < 50; i++, pass(333.337)) expectOff(0.01);
});

test.each([HOUR, -HOUR, 5, -5])("the system's clock is set by %i ms", (step) => {
  expectOff(0.01);
  day += step;
  pass(9);
  expectOff(0.01 - step, -0.01 - step);
  pass(1);
  expectOff(0.6);
  const before = clock.approximateTime();
  pass(1);
  expect(clock.approximateTime() - before).toBeCloseTo(1e6, -4);
});

test("two looks between which the thread stood still say nothing of the clock", () => {
  expectOff(0.01);
  pass(10);
  const before = day;
  vi.spyOn(Date, "now").mockImplementationOnce(() => {
    pass(30);
    return Math.floor(day);
  });
  expect(clock.approximateTime() / 1e6 - before).toBeLessThan(0.6);
  expectOff(0.6);
});

test("follows a clock that is steered", () => {
  for (let i = 0; i < 500; i++) {
    pass(100);
    day += 0.05; // 500 parts in a million
    expectOff(2.1); // 1 and half a one that is left out, and what comes to it in a second
  }
});

test("the steady one stays with the even clock", () => {
  const before = clock.steadyTime();
  day += HOUR;
  pass(10_000);
  clock.systemTime();
  expect(clock.steadyTime() - before).toBe(10_000_000_000n);
});
