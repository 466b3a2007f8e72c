// Token buckets: the numbers of the image are those of assembly/README.md, reckoned here with exact fractions.

import fc from "fast-check";
import { expect, test } from "vitest";
import * as at from "../../assembly/memory/layout.js";
import { compileMap } from "../../src/mapping/index.js";
import { oneTenant } from "./configuration.js";

/** The greatest whole number n for which n·denominator is at most the numerator: by halving, without a division. */
function quotient(numerator: bigint, denominator: bigint): bigint {
  let low = 0n;
  let high = numerator + 1n;
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    if (middle * denominator <= numerator) low = middle;
    else high = middle;
  }
  return low;
}

function documented(rate: bigint): { cost: bigint; burst: bigint } {
  const exact = quotient(8n * 10n ** 9n * 256n * 2n ** 32n, rate);
  const cost = exact > 2n ** 64n - 1n ? 2n ** 64n - 1n : exact;
  // B = R/20 bits, so B·10^9·256/R = 10^9·256/20.
  const depth = quotient(rate * 10n ** 9n * 256n, 20n * rate);
  const least = quotient(131_072n * cost, 2n ** 32n);
  return least < depth ? { cost, burst: depth } : { cost, burst: least };
}

const rate = fc.oneof(
  fc.bigInt(1n, 2n ** 53n - 1n),
  fc.bigInt(1n, 1000n),
  fc.constantFrom(1n, 20_971_519n, 20_971_520n, 20_971_521n, 10n ** 9n, 10n ** 12n, 2n ** 53n - 1n),
);

test("a tenant's and a sniffer's bucket are those of the document", () => {
  fc.assert(
    fc.property(rate, rate, (ofTenant, ofSniffer) => {
      const config = oneTenant([{ rate: `${ofSniffer}bit` }], { rate: `${ofTenant}bit` });
      const { tenants, sniffers, cells } = compileMap(config, { delivery: "plain" }).image;
      const tenant = new DataView(tenants.buffer, tenants.byteOffset);
      const sniffer = new DataView(sniffers.buffer, sniffers.byteOffset);
      expect(cells).toEqual({ tenants: ["acme"], sniffers: ["s0"], destinations: [] });
      expect(tenant.getUint32(at.TENANT_BUCKET, true)).toBe(1);
      expect(sniffer.getUint32(at.SNIFFER_BUCKET, true)).toBe(1);
      expect({
        cost: tenant.getBigUint64(at.TENANT_COST, true),
        burst: tenant.getBigUint64(at.TENANT_BURST, true),
      }).toEqual(documented(ofTenant));
      expect({
        cost: sniffer.getBigUint64(at.SNIFFER_COST, true),
        burst: sniffer.getBigUint64(at.SNIFFER_BURST, true),
      }).toEqual(documented(ofSniffer));
    }),
    { numRuns: 300 },
  );
});

test("1 Gbit/s: a byte is 8 ns, and 50 ms may be spent at once", () => {
  expect(documented(10n ** 9n)).toEqual({ cost: (8n * 256n) << 32n, burst: 50_000_000n * 256n });
});
