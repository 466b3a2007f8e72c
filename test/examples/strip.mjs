// Every packet of a capture out of its tunnel, into a clean capture.
import { Decapsulator, readFrames, writeFrames } from "spangate";

const [input, output] = process.argv.slice(2);
const gateway = await Decapsulator.create();
const bytes = await writeFrames(gateway.decapsulate(readFrames(input)), output);
console.log(`${gateway.counters().delivered} packets, ${bytes} bytes`);
for (const { encapsulation, source, id, sequence } of gateway.sessions) {
  console.log(encapsulation, source, id, sequence === undefined ? "" : `lost ${sequence.lost}`);
}
gateway.dispose();
