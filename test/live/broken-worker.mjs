// Loaded before a gateway (run.test.ts): its workers throw as soon as the file SPANGATE_BREAK is there.

import { existsSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

if (!isMainThread) {
  const load = Atomics.load;
  // A worker looks at its state in each round.
  Atomics.load = (array, index) => {
    if (existsSync(process.env.SPANGATE_BREAK))
      throw Object.assign(new Error("The worker broke."), { code: "SYSTEM_CALL", details: {} });
    return load(array, index);
  };
}
