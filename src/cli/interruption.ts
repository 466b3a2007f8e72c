// Ctrl-C while files are written: the run stops at the next chunk, so that files end with a whole packet and the accounts
// are those of what was written. A second one ends at once.

import { SpangateError } from "../errors.js";

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

export class Interruption {
  /** 128 and the signal's number, as shells have it; undefined while nobody interrupts. */
  exitCode: number | undefined;

  /** @param inputs whether standard input is among them: there the wait for more ends too */
  constructor(inputs: readonly string[]) {
    for (const [signal, code] of Object.entries(EXIT_CODES)) {
      process.removeAllListeners(signal);
      process.on(signal, () => {
        if (this.exitCode !== undefined) process.exit(code);
        this.exitCode = code;
        if (inputs.includes("-")) process.stdin.destroy();
      });
    }
  }

  /** Throws when somebody has interrupted; the data path then closes its files and reports. */
  check(): void {
    if (this.exitCode !== undefined) throw new SpangateError("IO_FAILED", "interrupted");
  }
}

/** For commands that write nothing but text: end at once. */
export function endOnSignals(): void {
  for (const [signal, code] of Object.entries(EXIT_CODES)) process.on(signal, () => process.exit(code));
}
