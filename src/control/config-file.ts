// The configuration's file while the gateway runs: tells when it is another one. Editors and deployments put a new file in the place of
// the old one, so the folder is watched; and write in pieces, so it is read when nothing has happened for a moment.

import { type FSWatcher, watch } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** In milliseconds. */
const QUIET = 100;
/** A file that is written to without end is read all the same. */
const PATIENCE = 1000;

export class ConfigFile {
  readonly #path: string;
  readonly #changed: () => void;
  #watcher: FSWatcher | undefined;
  #text: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #since = 0;

  private constructor(path: string, changed: () => void) {
    this.#path = resolve(path);
    this.#changed = changed;
  }

  /**
   * Calls `changed` when the file's text is another one than it is now.
   *
   * @param failed why it is not watched: what changes is not seen
   */
  static async watch(
    path: string,
    changed: () => void,
    failed: (error: unknown) => void,
  ): Promise<ConfigFile> {
    const file = new ConfigFile(path, changed);
    file.#text = await file.#read();
    try {
      // Whatever its name: a link may lead through others there that are replaced (Kubernetes' `..data`).
      file.#watcher = watch(dirname(file.#path), { persistent: false }, () => file.#soon());
      file.#watcher.on("error", failed);
    } catch (error) {
      failed(error);
    }
    return file;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#watcher?.close();
  }

  #soon(): void {
    const now = performance.now();
    if (this.#timer === undefined) this.#since = now;
    else if (now - this.#since > PATIENCE) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#look();
    }, QUIET);
  }

  async #look(): Promise<void> {
    const text = await this.#read();
    // Gone for a moment, or for good: there is nothing to change to.
    if (text === undefined || text === this.#text) return;
    this.#text = text;
    this.#changed();
  }

  /** Undefined when it is not there. One that may not be read is another one, too: whoever reads it then is told why. */
  #read(): Promise<string | undefined> {
    return readFile(this.#path, "utf8").catch(({ code }: NodeJS.ErrnoException) =>
      code === "ENOENT" ? undefined : `\0${code}`,
    );
  }
}
