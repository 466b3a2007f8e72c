// The names of DESIGN's closed enum that decoding, the tenant map and delivery can give.

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
  | "filtered"
  | "rate"
  | "queue-full";
