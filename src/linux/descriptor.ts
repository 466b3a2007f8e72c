// Descriptors, of whatever they are.

import { check, libc } from "./libc.js";

/** Closes a descriptor. @throws SpangateError SYSTEM_CALL when it is none */
export function close(fd: number): void {
  check(libc.close(fd), "close", "close a descriptor");
}
