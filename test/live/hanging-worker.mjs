// Loaded before a gateway (service.test.ts): its workers hang as soon as the file SPANGATE_HANG is there.

import { existsSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

if (!isMainThread) {
  const load = Atomics.load;
  // A worker looks at its state in each round.
  Atomics.load = (array, index) => {
    while (existsSync(process.env.SPANGATE_HANG));
    return load(array, index);
  };
}
