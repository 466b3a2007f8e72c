// A file that takes the place of an old one as soon as it is sure that it will be written: whoever is refused before loses nothing.

import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  lstatSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
} from "node:fs";
import { dirname, extname, join } from "node:path";
import { ioFailed } from "../capture/source.js";
import { SpangateError } from "../errors.js";

/** What is replaced, and where it lies: behind symbolic links. */
interface Old {
  readonly place: string;
  readonly status: Stats;
}

export class Successor {
  /** Where to write. */
  readonly path: string;
  readonly #name: string;
  readonly #old: Old | undefined;
  /** To be taken away again if it comes to nothing. */
  #isTrial: boolean;

  private constructor(name: string, path: string, isTrial: boolean, old?: Old) {
    this.#name = name;
    this.path = path;
    this.#isTrial = isTrial;
    this.#old = old;
  }

  /** To be written beside what has bytes to lose; what has none, a pipe or a device too, is written itself. */
  static of(name: string): Successor {
    const itself = (isTrial: boolean) => new Successor(name, name, isTrial);
    if (name === "-") return itself(false);
    try {
      if (lstatSync(name, { throwIfNoEntry: false }) === undefined) return itself(true);
      const place = realpathSync(name);
      const status = statSync(place);
      if (!status.isFile() || status.size === 0) return itself(false);
      accessSync(place, constants.W_OK);
      accessSync(dirname(place), constants.W_OK);
      const path = join(dirname(place), `.spangate-${process.pid}${extname(name)}`);
      return new Successor(name, path, true, { place, status });
    } catch {
      return itself(false); // whoever opens it is told why not
    }
  }

  /** Puts it in the old one's place, with its owner and mode. @throws SpangateError IO_FAILED */
  succeed(): void {
    if (this.#old !== undefined) {
      const { place, status } = this.#old;
      try {
        if (process.getuid?.() === 0) chownSync(this.path, status.uid, status.gid);
        chmodSync(this.path, status.mode & 0o7777);
        renameSync(this.path, place);
      } catch (error) {
        throw ioFailed("write", this.#name, error);
      }
    }
    this.#isTrial = false;
  }

  /** Unless it has succeeded, it is gone. */
  withdraw(): void {
    if (this.#isTrial) rmSync(this.path, { force: true });
    this.#isTrial = false;
  }

  /** An error of writing it, with the name that people know. */
  named(error: unknown): unknown {
    if (!(error instanceof SpangateError) || this.path === this.#name) return error;
    return new SpangateError(error.code, error.message.replaceAll(this.path, this.#name), {
      cause: error,
      details: { ...error.details, file: this.#name },
    });
  }
}
