// How worker threads are watched and ended, with programs in place of the data path.

import { describe, expect, test } from "vitest";
import { CONTROL, CONTROL_SIZE, STATES } from "../../src/datapath/live-control.js";
import { endThreads, LiveThread } from "../../src/datapath/live-thread-handle.js";
import { SpangateError } from "../../src/errors.js";
import { createEvent } from "../../src/linux/index.js";

const READY = 'require("node:worker_threads").parentPort.postMessage("ready");';
const STATE = `const { workerData: control } = require("node:worker_threads");
const state = () => Atomics.load(control, ${CONTROL.state});`;
const forever = (condition: string) => `${STATE}${READY}while (${condition});`;

function thread(program: string): LiveThread {
  const control = new Int32Array(new SharedArrayBuffer(CONTROL_SIZE));
  const source = `import { createRequire } from "node:module"; const require = createRequire("/");${program}`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  return new LiveThread({ program: url, seat: control, control, event: createEvent() });
}

async function elapsed(work: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work;
  return performance.now() - start;
}

describe.skipIf(process.platform !== "linux")("worker threads", () => {
  test("those that drain end by themselves", async () => {
    const threads = [1, 2].map(() => thread(forever(`state() !== ${STATES.draining}`)));
    await Promise.all(threads.map(({ ready }) => ready));
    expect(await elapsed(endThreads(threads, 5000))).toBeLessThan(2000);
  });

  test("those that do not are stopped at the deadline", async () => {
    const slow = thread(forever(`state() !== ${STATES.stopped}`));
    await slow.ready;
    const time = await elapsed(endThreads([slow], 300));
    expect(time).toBeGreaterThan(290);
    expect(time).toBeLessThan(1200);
  });

  test("one that never looks is ended by force", async () => {
    const deaf = thread(forever("true"));
    await deaf.ready;
    expect(await elapsed(endThreads([deaf], 100))).toBeGreaterThan(1000);
  });

  test("an error keeps its code", async () => {
    const broken = thread(
      `${READY} const error = new Error("no"); error.code = "SYSTEM_CALL"; error.details = { call: "poll" }; throw error;`,
    );
    const error = await broken.broken.catch((error: unknown) => error);
    expect(error).toBeInstanceOf(SpangateError);
    expect(error).toMatchObject({ code: "SYSTEM_CALL", message: "no", details: { call: "poll" } });
    await broken.ended;
    await endThreads([broken], 1000); // nothing is left to wait for
  });

  test.each([
    ["a mistake", 'throw new TypeError("x is not a function");', "x is not a function"],
    ["no error at all", "process.exit(3);", "A worker's thread has ended by itself, with code 3."],
  ])("%s", async (_, program, message) => {
    const broken = thread(program);
    await expect(broken.broken).rejects.toThrow(message);
    await expect(broken.ready).rejects.toThrow(message);
  });

  test("one that was told to end is not broken", async () => {
    const told = thread(forever(`state() !== ${STATES.draining}`));
    await told.ready;
    await endThreads([told], 1000);
    expect(await Promise.race([told.broken, Promise.resolve("fine")])).toBe("fine");
  });
});
