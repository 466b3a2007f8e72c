// Loaded before a gateway (senders.test.ts): the sender of the sniffer that the file SPANGATE_BREAK names throws, once for each time that
// the file is there.

import { existsSync, readFileSync, unlinkSync } from "node:fs";
import { isMainThread, workerData } from "node:worker_threads";

const file = process.env.SPANGATE_BREAK;
const names = isMainThread ? undefined : workerData?.outlets?.map(({ name }) => name);

if (names !== undefined) {
  const load = Atomics.load;
  // A sender looks at its state and its queues in each round.
  Atomics.load = (array, index) => {
    if (existsSync(file) && names.includes(readFileSync(file, "utf8"))) {
      unlinkSync(file);
      throw new Error("The sender broke.");
    }
    return load(array, index);
  };
}
