// A checksum after a field it covers has changed, without looking at the rest (RFC 1624, equation 3).

import { be16, join } from "./octets.js";
import { onesComplementSum } from "./region.js";

/** HC' = ~(~HC + ~m + m'). `before` and `after` are of the same even length and start at an even offset. */
export function updatedChecksum(checksum: number, before: Uint8Array, after: Uint8Array): number {
  const terms = join(
    be16(~checksum),
    before.map((byte) => ~byte),
    after,
  );
  return onesComplementSum(terms, 0, terms.length) ^ 0xffff;
}
