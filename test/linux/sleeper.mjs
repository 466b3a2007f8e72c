// A worker of poll.test.ts: sleeps until it is woken, again and again; counts what it was woken for, in shared memory.

import { parentPort, workerData } from "node:worker_threads";
import { drain, PollSet } from "../../dist/src/linux/index.js";

const { event, counts } = workerData;
const [TODO, DONE, SLEEPING] = [0, 1, 2];
const poll = new PollSet([event]);
parentPort.postMessage("ready");
while (Atomics.load(counts, TODO) >= 0) {
  Atomics.store(counts, SLEEPING, 1);
  poll.wait(-1);
  Atomics.store(counts, SLEEPING, 0);
  drain(event);
  while (Atomics.load(counts, TODO) > 0) {
    Atomics.sub(counts, TODO, 1);
    Atomics.add(counts, DONE, 1);
  }
}
