// A system clock for one program only (libfaketime), which the test sets while the program runs. What runs evenly goes on.

import { readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "./lab.js";

const LIBRARIES = "/usr/lib";
/** For programs with threads. */
const LIBRARY = "faketime/libfaketimeMT.so.1";
let clocks = 0;

export class SteppingClock {
  readonly #file: string;

  constructor(lab: Lab) {
    this.#file = join(lab.directory, `clock-${++clocks}`);
    this.set(0);
  }

  /** Of the program that is to go by it. */
  get env(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: libraryPath(),
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_CACHE_DURATION: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      // What files say of themselves stays true.
      NO_FAKE_STAT: "1",
    };
  }

  /** @param seconds from now on ahead of the machine's, or behind */
  set(seconds: number): void {
    writeFileSync(`${this.#file}.new`, `${seconds < 0 ? "" : "+"}${seconds}\n`);
    renameSync(`${this.#file}.new`, this.#file);
  }
}

function libraryPath(): string {
  const folder = readdirSync(LIBRARIES).find((name) => name.endsWith("-linux-gnu"));
  return join(LIBRARIES, folder ?? "", LIBRARY);
}
