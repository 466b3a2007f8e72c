// A sniffer's files, one behind another: `<sniffer>-<UTC time>-<n>.pcapng`, of which some stay. Those of earlier runs count.

import { fchmodSync, openSync, readdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";

/** The owner writes, its group may read. */
const MODE = 0o640;
const DIGITS = 6;

export class RotatingFiles {
  readonly #directory: string;
  readonly #sniffer: string;
  readonly #keep: number;
  /** Paths, the oldest first, the one that is written last. */
  readonly #paths: string[];
  #next: number;

  /**
   * @param keep how many stay, with the one that is written
   * @throws an error of the system when the folder cannot be read
   */
  constructor(directory: string, sniffer: string, keep: number) {
    this.#directory = directory;
    this.#sniffer = sniffer;
    this.#keep = keep;
    const found = readdirSync(directory).flatMap((name) => {
      const number = numberOf(name, sniffer);
      return number === undefined ? [] : [{ name, number }];
    });
    found.sort((a, b) => a.number - b.number);
    this.#paths = found.map(({ name }) => join(directory, name));
    this.#next = (found.at(-1)?.number ?? 0) + 1;
  }

  get count(): number {
    return this.#paths.length;
  }

  /** Opens the next file; the oldest ones that are too many go. Gives its descriptor. */
  open(now = new Date()): number {
    while (this.#paths.length >= this.#keep) this.removeOldest();
    for (;;) {
      const path = join(this.#directory, fileName(this.#sniffer, now, this.#next++));
      try {
        const fd = openSync(path, "wx", MODE);
        this.#paths.push(path);
        fchmodSync(fd, MODE);
        return fd;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
    }
  }

  /** Removes the one that was opened last: nothing has come into it. */
  removeNewest(): void {
    remove(this.#paths.pop());
  }

  removeOldest(): void {
    remove(this.#paths.shift());
  }
}

/** Somebody else may have done so. */
function remove(path: string | undefined): void {
  if (path === undefined) return;
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** The time to the second, so that names sort as files were begun; the number when a clock does not go on. */
function fileName(sniffer: string, now: Date, number: number): string {
  const time = now.toISOString().replace(/[-:]|\.\d+/g, "");
  return `${sniffer}-${time}-${String(number).padStart(DIGITS, "0")}.pcapng`;
}

/** Of a file of this sniffer, of which another's name may be the beginning. */
function numberOf(name: string, sniffer: string): number | undefined {
  if (!name.startsWith(`${sniffer}-`)) return undefined;
  const match = /^\d{8}T\d{6}Z-(\d{6,15})\.pcapng$/.exec(name.slice(sniffer.length + 1));
  return match === null ? undefined : Number(match[1]);
}
