// Memory for the parts of an image. Shared where the host has such memory: an image goes to another thread without a copy, and V8
// does not count it among what its collector has to hurry for (a collection takes half a second beside a map of a million).

/** Zeroed words of 4 bytes. */
export function words(length: number): Uint32Array {
  const bytes = length * 4;
  // Browsers have it only in pages that are isolated from others.
  return new Uint32Array(
    typeof SharedArrayBuffer === "undefined" ? new ArrayBuffer(bytes) : new SharedArrayBuffer(bytes),
  );
}

/** A longer array with the same beginning. */
export function longer(short: Uint32Array): Uint32Array {
  const long = words(short.length * 2);
  long.set(short);
  return long;
}
