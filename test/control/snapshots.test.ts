// Answers that many ask for at once: how often they are made, and which are kept.

import { expect, test } from "vitest";
import { OLDEST, Snapshots } from "../../src/control/snapshots.js";

function counted() {
  let now = 0;
  let made = 0;
  const snapshots = new Snapshots<number>(() => now);
  return {
    snapshots,
    of: (key: string) => snapshots.of(key, () => ++made),
    pass: (milliseconds: number) => {
      now += milliseconds;
    },
  };
}

test("an answer is made once for all who ask within a moment", () => {
  const { of, pass } = counted();
  expect([of("a"), of("a")]).toEqual([1, 1]);
  pass(OLDEST - 1);
  expect(of("a")).toBe(1);
  pass(1);
  expect([of("a"), of("a")]).toEqual([2, 2]);
  pass(OLDEST - 1);
  expect(of("a")).toBe(2);
});

test("its age counts from before it is made", () => {
  const { snapshots, of, pass } = counted();
  snapshots.of("a", () => {
    pass(OLDEST);
    return 0;
  });
  expect(of("a")).toBe(1);
});

test("of each question its own, and all anew when something has changed", () => {
  const { of, snapshots } = counted();
  expect([of("a"), of("b"), of("a")]).toEqual([1, 2, 1]);
  snapshots.clear();
  expect([of("b"), of("a"), of("b")]).toEqual([3, 4, 3]);
});

test("what is made of ever new questions is not kept", () => {
  const { of } = counted();
  expect(of("first")).toBe(1);
  for (let i = 0; i < 20; i++) of(String(i));
  expect(of("first")).toBe(22);
});

test("one that is made anew pushes no other out", () => {
  const { of, pass } = counted();
  of("old");
  pass(OLDEST - 1);
  const others = [..."1234567"]; // as many as are kept
  expect(others.map(of)).toEqual([2, 3, 4, 5, 6, 7, 8]);
  pass(1);
  expect(of("old")).toBe(9);
  expect(others.map(of)).toEqual([2, 3, 4, 5, 6, 7, 8]);
});

test("what could not be made is tried again", () => {
  const { snapshots, of } = counted();
  expect(() =>
    snapshots.of("a", () => {
      throw new Error("not yet");
    }),
  ).toThrow("not yet");
  expect(of("a")).toBe(1);
});
