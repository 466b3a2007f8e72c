// A program of somebody who installed the package.
import { Decapsulator, parseConfig, readFrames, SpangateError, VERSION, writeFrames } from "spangate";
import { ABI_VERSION, Engine } from "spangate/engine";

const [input, output] = process.argv.slice(2);
const gateway = await Decapsulator.create();
await writeFrames(gateway.decapsulate(readFrames(input)), output);
const shared = await Engine.create({}, "shared");
const { mistakes } = parseConfig("tenants: 5", "gateway.yaml");
const { delivered } = gateway.counters();
gateway.dispose();
let code;
try {
  gateway.flush();
} catch (error) {
  code = error instanceof SpangateError ? error.code : undefined;
}
const received = shared.counters().received;
console.log(JSON.stringify({ delivered, received, code, mistakes: mistakes.length, VERSION, ABI_VERSION }));
