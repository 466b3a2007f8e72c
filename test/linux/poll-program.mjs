// Run by poll.test.ts with --expose-gc: what the heap has to say to many calls; then one that a signal ends.

import { createEvent, drain, PollSet, wake } from "../../dist/src/linux/index.js";

const event = createEvent();
const poll = new PollSet([event, event]);

function run(count) {
  for (let i = 0; i < count; i++) {
    wake(event);
    poll.wait(0);
    drain(event);
  }
}
const used = () => process.memoryUsage().heapUsed;
run(100_000);
globalThis.gc();
const before = used();
run(100_000);
const bytesPerCall = (used() - before) / 100_000;

process.on("SIGUSR2", () => {});
const signalled = new PollSet([event, event]);
wake(event);
signalled.wait(0);
drain(event);
process.stdout.write("sleeping\n");
const start = performance.now();
const ready = signalled.wait(20_000);
const slept = performance.now() - start;
console.log(JSON.stringify({ bytesPerCall, ready, slept, stale: signalled.ready(0) || signalled.ready(1) }));
