// Ctrl-C and SIGTERM: the first has what runs end in order, a second one ends it at once.

import { SpangateError } from "../errors.js";

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
/** What sends a signal may send it to the process and then to its group, as timeout(1) does: that is one. In milliseconds. */
const ONE_SIGNAL = 200;

/**
 * Calls `asked` when somebody asks the command to end; a second time ends it at once.
 *
 * @param asked gets the exit code that shells have for it: 128 and the signal's number
 */
export function onInterruption(asked: (exitCode: number) => void): void {
  let first: number | undefined;
  for (const [signal, code] of Object.entries(EXIT_CODES)) {
    process.on(signal, () => {
      const now = performance.now();
      if (first === undefined) {
        first = now;
        asked(code);
      } else if (now - first > ONE_SIGNAL) process.exit(code);
    });
  }
}

/** While files are written: the run stops at the next chunk, so that they end with a whole packet and the accounts are of what is there. */
export class Interruption {
  /** As shells have it; undefined while nobody interrupts. */
  exitCode: number | undefined;

  /** @param inputs whether standard input is among them: there the wait for more ends too */
  constructor(inputs: readonly string[]) {
    onInterruption((exitCode) => {
      this.exitCode = exitCode;
      if (inputs.includes("-")) process.stdin.destroy();
    });
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
