// No object a packet: a capture read into the engine's memory, through its batches and queues.
import { CaptureReader, compileMap, Engine, loadConfig, READ_AREA_LENGTH } from "spangate";

const [input, file] = process.argv.slice(2);
const engine = await Engine.create({ lent: true }); // frames stay where they are read to until they are taken
engine.replaceMap(compileMap(await loadConfig(file), { delivery: "configured" }).image);
const { batch, deliveries } = engine;
const reader = await CaptureReader.open(input, engine.allocate(READ_AREA_LENGTH));
let bytes = 0;
do {
  for (batch.clear(); reader.next(batch) > 0; batch.clear()) {
    for (let done = 0; done < batch.count; ) {
      done = engine.process(done);
      while (deliveries.take() > 0)
        for (let i = 0; i < deliveries.count; i++) bytes += deliveries.length(deliveries.record(i));
    }
  }
} while (await reader.advance());
console.log(`${engine.counters().delivered} packets, ${bytes} bytes to sniffers`);
