// asc translates, Binaryen optimizes, with wider limits for inlining than asc sets: a header's accessor and a step of the pipeline are
// functions of their own in the source and none in the module. Decoding then takes a fifth less time.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import binaryen from "binaryen";

const ALWAYS_INLINE = 300;
const INLINE_WHEN_LIGHT = 3000;
const INLINE_SINGLE_CALLER = 1_000_000;

const { Features } = binaryen;
const FEATURES =
  Features.SIMD128 |
  Features.Atomics |
  Features.BulkMemory |
  Features.BulkMemoryOpt |
  Features.SignExt |
  Features.MutableGlobals |
  Features.NontrappingFPToInt;

// The hot loops stay functions of their own: a compiler has all registers for each, and the test finds them by name.
binaryen.setPassArgument("no-inline", "assembly/pipeline/*/*Usual");

mkdirSync(new URL("../dist", import.meta.url), { recursive: true });
binaryen.setDebugInfo(true);
binaryen.setOptimizeLevel(3);
binaryen.setShrinkLevel(0);
binaryen.setAlwaysInlineMaxSize(ALWAYS_INLINE);
binaryen.setFlexibleInlineMaxSize(INLINE_WHEN_LIGHT);
binaryen.setOneCallerInlineMaxSize(INLINE_SINGLE_CALLER);

for (const name of ["spangate.wasm", "spangate.shared.wasm"]) {
  const path = new URL(`../src/engine/${name}`, import.meta.url);
  const module = binaryen.readBinary(readFileSync(path));
  module.setFeatures(FEATURES);
  module.runPasses(["no-inline"]);
  module.optimize();
  module.optimize(); // what became of the first round's inlining
  if (!module.validate()) throw new Error(`${name} is no valid module any more`);
  // With the functions' names: what test/engine/hot-loop.test.ts reads.
  writeFileSync(new URL(`../dist/${name.replace(/wasm$/, "wat")}`, import.meta.url), module.emitText());
  binaryen.setDebugInfo(false);
  writeFileSync(path, module.emitBinary());
  binaryen.setDebugInfo(true);
  module.dispose();
}
