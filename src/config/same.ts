// Whether two values are the same, as deep as they are: what JSON and YAML give, and typed arrays of bytes.

/** The same keys with the same values, in whatever order. What is neither plain nor bytes is only the same as itself. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((each, i) => isSame(each, b[i]));
  if (a instanceof Uint8Array)
    return b instanceof Uint8Array && a.length === b.length && a.every((byte, i) => byte === b[i]);
  return isPlain(a) && isPlain(b) && haveSame(a, b);
}

type Plain = Readonly<Record<string, unknown>>;

function haveSame(a: Plain, b: Plain): boolean {
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  // Own ones: every object inherits a `constructor`.
  return keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key]));
}

function isPlain(value: object): value is Plain {
  return Object.getPrototypeOf(value) === Object.prototype;
}
