// The names of DESIGN's closed enum that decoding and the tenant map can give.

export type Verdict =
  | "delivered"
  | "reassembled"
  | "not-tunnel"
  | "truncated"
  | "bad-checksum"
  | "unsupported-version"
  | "unsupported-payload"
  | "bad-flags"
  | "critical-option"
  | "fragment-overlap"
  | "fragment-timeout"
  | "fragment-limit"
  | "too-large"
  | "loop"
  | "unmapped"
  | "foreign-address"
  | "ambiguous-tenant"
  | "filtered";

/** A reader gives what it read, or the verdict that ends the packet. */
export function isVerdict(value: unknown): value is Verdict {
  return typeof value === "string";
}
