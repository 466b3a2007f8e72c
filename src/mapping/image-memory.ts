// Memory for the parts of an image. Shared where the host has such memory: an image goes to another thread without a copy, and V8
// does not count it among what its collector has to hurry for (a collection takes half a second beside a map of a million).

/** Zeroed words of 4 bytes. */
export function words(length: number): Uint32Array {
  return new Uint32Array(memory(length * 4));
}

/** Zeroed bytes. */
export function bytes(length: number): Uint8Array {
  return new Uint8Array(memory(length));
}

/** A longer array with the same beginning. */
export function longer(short: Uint32Array): Uint32Array {
  const long = words(short.length * 2);
  long.set(short);
  return long;
}

function memory(length: number): ArrayBufferLike {
  // Browsers have it only in pages that are isolated from others.
  return typeof SharedArrayBuffer === "undefined" ? new ArrayBuffer(length) : new SharedArrayBuffer(length);
}
