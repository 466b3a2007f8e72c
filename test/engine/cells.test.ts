// Cells: a name keeps its cell from generation to generation; a cell is given to another name only when neither of two uses it,
// and then is zero.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CellStore } from "../../src/engine/cells.js";
import { LinearMemory } from "../../src/engine/memory.js";

function begun(store: CellStore, names: readonly string[]): Map<string, number> {
  const addresses = store.begin(names);
  expect(addresses).toHaveLength(names.length);
  return new Map(names.map((name, i) => [name, addresses[i]!]));
}

describe("cells", () => {
  const memory = new LinearMemory("plain");
  const read = (address: number) => memory.u64[address >>> 3]!;
  const write = (address: number, value: bigint) => {
    memory.u64[address >>> 3] = value;
  };

  test("outlive a change of order, and are given away two generations later", () => {
    const store = new CellStore(memory);
    const first = begun(store, ["a", "b", "c"]);
    store.commit();
    for (const [name, address] of first) write(address, BigInt(name.charCodeAt(0)));
    const second = begun(store, ["c", "x", "a"]);
    store.commit();
    expect([second.get("a"), second.get("c")]).toEqual([first.get("a"), first.get("c")]);
    expect(second.get("x")).not.toBe(first.get("b"));
    expect(read(second.get("x")!)).toBe(0n);
    expect(read(first.get("b")!)).toBe(98n);
    const third = begun(store, ["a", "b", "c", "x"]);
    expect(third.get("a")).toBe(first.get("a"));
    expect(read(third.get("b")!)).toBe(0n);
    expect(read(third.get("c")!)).toBe(99n);
  });

  test("of a generation that never came into force are free again, and those in force stay", () => {
    const store = new CellStore(memory);
    const inForce = begun(store, ["a"]);
    store.commit();
    write(inForce.get("a")!, 7n);
    const refused = begun(store, ["b", "c"]);
    const next = begun(store, ["d", "a"]);
    expect(next.get("a")).toBe(inForce.get("a"));
    expect(read(next.get("a")!)).toBe(7n);
    expect([...refused.values()]).toContain(next.get("d"));
  });

  test("are never two names' at once, whatever comes, and keep what was written", () => {
    const names = fc.uniqueArray(fc.constantFrom(..."abcdefghijklmnop"), { maxLength: 12 });
    fc.assert(
      fc.property(
        fc.array(fc.record({ names, accepted: fc.boolean() }), { maxLength: 12 }),
        (generations) => {
          const store = new CellStore(memory);
          let stamp = 1n;
          let inForce = new Map<string, number>();
          let former = inForce;
          const values = new Map<string, bigint>();
          for (const { names: asked, accepted } of generations) {
            const cells = begun(store, asked);
            expect(new Set([...cells.values(), ...inForce.values()]).size).toBe(
              new Set([...inForce.keys(), ...asked]).size,
            );
            for (const [name, address] of cells) {
              expect(read(address)).toBe(inForce.has(name) ? values.get(name) : 0n);
            }
            if (!accepted) continue;
            store.commit();
            [former, inForce] = [inForce, cells];
            for (const address of former.values()) write(address, 0n);
            for (const [name, address] of inForce) {
              values.set(name, stamp);
              write(address, stamp++);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test("of a hundred thousand names come and go without taking more memory", () => {
    const own = new LinearMemory("plain");
    const store = new CellStore(own);
    const names = Array.from({ length: 100_000 }, (_, i) => `t${i}`);
    const others = names.map((name) => `other-${name}`);
    for (const list of [names, others]) {
      store.begin(list);
      store.commit();
    }
    const size = own.allocate(0).address;
    for (let i = 0; i < 6; i++) {
      store.begin(i % 2 === 0 ? names : others);
      store.commit();
    }
    expect(own.allocate(0).address).toBe(size);
  });
});
