// Balance tables: those of assembly/README.md, place for place; a change moves its own share only; shares follow the weights.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as at from "../../assembly/memory/layout.js";
import { type Balanced, balanceTable } from "../../src/mapping/balance.js";
import { compileMap } from "../../src/mapping/index.js";
import { oneTenant } from "./configuration.js";

const MODULUS = 2n ** 64n;
const K1 = 0x9e3779b97f4a7c15n;
const K3 = 0x94d049bb133111ebn;

/** FNV-1a of 64 bits. */
function hashOf(name: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(name))
    hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) % MODULUS;
  return hash;
}

/** The document's words, one after another. */
function documented(sniffers: readonly Balanced[]): number[] {
  return Array.from({ length: sniffers.length <= 64 ? 4096 : 65_536 }, (_, b) => {
    const scores = sniffers.map(({ name, weight }) => {
      const s = hashOf(name);
      const m = ((s ^ (s >> 29n) ^ BigInt(b)) * K1) % MODULUS;
      const x = Number((((m ^ (m >> 32n)) * K3) % MODULUS) >> 32n);
      return -weight / Math.log((x + 0.5) / 2 ** 32);
    });
    return scores.indexOf(Math.max(...scores));
  });
}

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/);
const sniffers = fc.uniqueArray(fc.record({ name, weight: fc.integer({ min: 1, max: 100 }) }), {
  minLength: 1,
  maxLength: 9,
  selector: (each) => each.name,
});

describe("a balance table", () => {
  test("is the document's", () => {
    fc.assert(
      fc.property(sniffers, (list) => {
        expect(Array.from(balanceTable(list))).toEqual(documented(list));
      }),
      { numRuns: 20 },
    );
  });

  test("of sniffers of one weight too", () => {
    const list = Array.from({ length: 40 }, (_, i) => ({ name: `zeek-${i}`, weight: 1 }));
    expect(Array.from(balanceTable(list))).toEqual(documented(list));
  });

  test("moves no place between sniffers that stay", () => {
    fc.assert(
      fc.property(sniffers, fc.nat(), (list, pick) => {
        const gone = pick % list.length;
        const before = balanceTable(list);
        const after = balanceTable(list.filter((_, i) => i !== gone));
        if (list.length === 1) return;
        for (const [b, chosen] of after.entries()) {
          const was = before[b]!;
          if (was !== gone) expect(list.filter((_, i) => i !== gone)[chosen]).toBe(list[was]);
        }
      }),
      { numRuns: 100 },
    );
  });

  test("gives each a share that goes by its weight", () => {
    const weights = [1, 1, 2, 4];
    const shares = weights.map(() => 0);
    const tables = 200;
    for (let t = 0; t < tables; t++) {
      const table = balanceTable(weights.map((weight, i) => ({ name: `tenant${t}-ids${i}`, weight })));
      for (const chosen of table) shares[chosen]! += 1 / table.length / tables;
    }
    for (const [i, weight] of weights.entries())
      expect(Math.abs(shares[i]! / (weight / 8) - 1)).toBeLessThan(0.1);
  });

  test("of many sniffers has 65,536 places", () => {
    const list = Array.from({ length: 600 }, (_, i) => ({ name: `s${i}`, weight: 1 + (i % 3) }));
    expect(balanceTable(list)).toHaveLength(65_536);
  });
});

describe("in the image", () => {
  const word = (bytes: Uint8Array, offset: number) =>
    new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, true);

  test("a tenant's table counts its sniffers in its own order", () => {
    const config = oneTenant([{ weight: 3 }, {}, { weight: 9 }], {
      sniffers: ["s2", "s0", "s1"],
      fanout: "balance",
    });
    const { tenants, balance, sniffersOfTenants } = compileMap(config, { delivery: "plain" }).image;
    expect(Array.from(sniffersOfTenants)).toEqual([2, 0, 1]);
    expect(word(tenants, at.TENANT_BALANCE)).toBe(1);
    expect(word(tenants, at.TENANT_BALANCE_MASK)).toBe(4095);
    const order = [2, 0, 1].map((i) => config.sniffers[i]!);
    expect(Array.from(balance)).toEqual(documented(order));
  });

  test("there is none with one sniffer, and none for copies", () => {
    for (const config of [oneTenant([{}], { fanout: "balance" }), oneTenant([{}, {}])]) {
      const { tenants, balance } = compileMap(config, { delivery: "plain" }).image;
      expect(word(tenants, at.TENANT_BALANCE)).toBe(0);
      expect(balance).toHaveLength(0);
    }
  });
});
