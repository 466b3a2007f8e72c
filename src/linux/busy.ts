// What another process still has: the kernel says so until that one has let go of it.

import { isErrno } from "./libc.js";

/** Milliseconds between two tries: who takes over from another has traffic that waits. */
const PAUSE = 1;

/**
 * What `work` gives, tried again for `patience` milliseconds while the kernel says that something is in use.
 *
 * @throws what `work` throws
 */
export async function whileBusy<T>(work: () => T, patience: number): Promise<T> {
  for (const since = performance.now(); ; ) {
    try {
      return work();
    } catch (error) {
      // EEXIST: a program is attached in the other mode (dev_xdp_attach in net/core/dev.c).
      if (!isErrno(error, "EBUSY", "EEXIST") || performance.now() - since > patience) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}
