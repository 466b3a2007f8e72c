// The configuration's file is read again when it changes, or on SIGHUP; what of it changes live is put in force, and all else is said.

import type { ConfigPurpose } from "../config/check.js";
import { ConfigFile } from "../control/config-file.js";
import type { LiveMapping } from "../control/live-mapping.js";
import type { ServiceManager } from "../control/service-manager.js";
import type { Log } from "../telemetry/events.js";
import { reportFailure } from "./failures.js";

export interface ReloadOptions {
  readonly file: string;
  readonly purpose: ConfigPurpose & { live: true };
  readonly log: Log;
  /** Is told while the file is read because of a SIGHUP. */
  readonly manager: ServiceManager | undefined;
}

/** Until `attach` a SIGHUP waits; without this object it would end the process. */
export class Reload {
  readonly #options: ReloadOptions;
  readonly #onSignal = () => void this.#signalled();
  #mapping: LiveMapping | undefined;
  #watched: ConfigFile | undefined;
  #isAsked = false;

  constructor(options: ReloadOptions) {
    this.#options = options;
    process.on("SIGHUP", this.#onSignal);
  }

  /** From now on. */
  async attach(mapping: LiveMapping): Promise<void> {
    const { file, log } = this.#options;
    this.#mapping = mapping;
    this.#watched = await ConfigFile.watch(
      file,
      () => void this.#reload(mapping, file),
      (error) => log("NOTE", `${file} is not watched, SIGHUP has it read: ${(error as Error).message}`),
    );
    if (this.#isAsked) await this.#signalled();
  }

  close(): void {
    process.off("SIGHUP", this.#onSignal);
    process.on("SIGHUP", () => {}); // it ends as it was about to
    this.#watched?.close();
  }

  async #signalled(): Promise<void> {
    const mapping = this.#mapping;
    if (mapping === undefined) {
      this.#isAsked = true;
      return;
    }
    const work = () => this.#reload(mapping, "SIGHUP");
    await (this.#options.manager?.reloading(work) ?? work());
  }

  async #reload(mapping: LiveMapping, by: string): Promise<void> {
    const { file, purpose, log } = this.#options;
    const { loadWritten } = await import("../config/load.js");
    try {
      await mapping.load(() => loadWritten(file, purpose), { by });
    } catch (error) {
      reportFailure(error);
      log("MAP_REFUSED", "the map in force stays", { by });
    }
  }
}
