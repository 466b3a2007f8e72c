// A sender in a thread of its own: takes packets of one queue in an instance of its own on the shared memory, notes which came and
// whether in order, and settles them. Now and then it dawdles, so that the queue overflows.

import { parentPort, workerData } from "node:worker_threads";

const { module, memory, worker, queue, into, records, recordSize, numberAt, seen, stop, seed } = workerData;
const { exports } = new WebAssembly.Instance(module, { env: { memory } });
exports.attach(worker, 0);
const words = new Uint32Array(memory.buffer);
const bytes = new DataView(memory.buffer);
const times = new Uint8Array(seen);
const stopping = new Int32Array(stop);

let state = seed;
const random = (limit) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * limit);
};

let last = -1;
let reordered = 0;
let taken = 0;
let errors = 0;

function takeSome(most) {
  const count = exports.takeFrom(queue, most, into);
  const entries = words.slice(into >>> 2, (into >>> 2) + count);
  for (const entry of entries) {
    const frame = words[(records + entry * recordSize) >>> 2];
    const number = bytes.getUint32(frame + numberAt);
    if (number <= last) reordered++;
    last = number;
    times[number]++;
    const sent = random(8) !== 0;
    if (!sent) errors++;
    exports.settleFrom(queue, entry, sent ? 1 : 0);
  }
  taken += count;
  return count;
}

parentPort.postMessage("ready");
for (let turns = 0; Atomics.load(stopping, 0) === 0; turns++) {
  takeSome(1 + random(300));
  // Longer than the producer takes to fill any queue.
  if (turns % 20_000 === 0) Atomics.wait(stopping, 0, 0, 1);
}
parentPort.postMessage({ taken, errors, reordered });
