// Which workers go on, judged by the words that they count their rounds in.

import { expect, test } from "vitest";
import { Heartbeat } from "../../src/datapath/heartbeat.js";
import { CONTROL, CONTROL_SIZE } from "../../src/datapath/live-control.js";

const words = () => new Int32Array(new SharedArrayBuffer(CONTROL_SIZE));
const goOn = (control: Int32Array) => {
  control[CONTROL.rounds] = (control[CONTROL.rounds]! + 1) | 0;
};

test("a worker that hangs is told from those that go on", () => {
  const workers = [words(), words(), words()];
  const heartbeat = new Heartbeat(workers);
  expect(heartbeat.still()).toEqual([0, 1, 2]);
  for (const control of workers) goOn(control);
  expect(heartbeat.still()).toEqual([]);
  goOn(workers[0]!);
  goOn(workers[2]!);
  expect(heartbeat.still()).toEqual([1]);
  goOn(workers[1]!);
  expect(heartbeat.still()).toEqual([0, 2]);
});

test("rounds are counted over the end of the word", () => {
  const control = words();
  control[CONTROL.rounds] = 2 ** 31 - 1;
  const heartbeat = new Heartbeat([control]);
  goOn(control);
  expect(control[CONTROL.rounds]).toBe(-(2 ** 31));
  expect(heartbeat.still()).toEqual([]);
});
