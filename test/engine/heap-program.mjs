// Run by heap.test.ts with --expose-gc: many packets through slots, batches and queues; prints what the JavaScript heap had to
// say to that.

import { readFileSync } from "node:fs";
import { compileMap, configOf, Engine } from "spangate";

const packets = Number(process.argv[2]);
const engine = await Engine.create({ reserved: 256 });
const config = configOf({
  sniffers: [{ name: "one" }, { name: "two" }],
  tenants: [{ name: "acme", sources: [{ encapsulation: "erspan" }], sniffers: ["one", "two"] }],
});
engine.replaceMap(compileMap(config, { delivery: "plain" }).image);

const { batch, deliveries, memory, slots } = engine;
// The first packet of a capture, behind the file's header and the record's.
const capture = readFileSync(new URL("../fixtures/demo-mixed.pcap", import.meta.url));
const frame = capture.subarray(40, 40 + capture.readUInt32LE(32));
let bytes = 0;

function run(count) {
  for (let i = 0; i < count; i++) {
    const slot = slots.take(frame.length);
    const address = slots.address(slot);
    memory.u8.set(frame, address);
    batch.pushSlot(slot, address, frame.length, frame.length, 0, i, 1);
    if (batch.room > 0) continue;
    engine.process();
    batch.clear();
    while (deliveries.take() > 0) {
      for (let d = 0; d < deliveries.count; d++) bytes += deliveries.length(deliveries.record(d));
    }
  }
}

const used = () => {
  globalThis.gc();
  return process.memoryUsage().heapUsed;
};
run(200_000);
const before = used();
const start = process.memoryUsage().heapUsed;
run(packets);
const made = process.memoryUsage().heapUsed - start;
const { delivered } = engine.counters();
console.log(JSON.stringify({ grown: used() - before, made, bytes, delivered }));
