// The table of `fanout: balance`: its places, fair shares, and how little moves when the set changes.

import { expect, test } from "vitest";
import { balanceTable, fnv1a, placesFor } from "./balance.js";

const one = (name: string, weight = 1) => ({ name, weight });
const winsOf = (table: number[], at: number) => table.filter((winner) => winner === at).length;

test("FNV-1a, 64 bits: the vectors of its draft", () => {
  expect(fnv1a("").toString(16)).toBe("cbf29ce484222325");
  expect(fnv1a("a").toString(16)).toBe("af63dc4c8601ec8c");
  expect(fnv1a("foobar").toString(16)).toBe("85944171f73967e8");
});

test("4,096 places, of more than 64 sniffers 65,536", () => {
  expect([1, 2, 64, 65, 10_000].map(placesFor)).toEqual([4096, 4096, 4096, 65_536, 65_536]);
});

// Computed by a program of other hands: the first 40 places, and how many each has.
test.each<[string, { name: string; weight: number }[], string, number[]]>([
  ["two", [one("acme-a"), one("acme-b")], "0001111110011111001000111010001001100010", [2079, 2017]],
  ["weights", [one("acme-a"), one("acme-b", 3)], "1011111110011111101010111010001101111011", [1057, 3039]],
  [
    "three",
    [one("acme-a"), one("acme-b"), one("acme-c")],
    "0002111112021121001000111010001001102010",
    [1399, 1340, 1357],
  ],
])("places: %s", (_, sniffers, first, wins) => {
  const table = balanceTable(sniffers);
  expect(table.slice(0, 40).join("")).toBe(first);
  expect(sniffers.map((__, at) => winsOf(table, at))).toEqual(wins);
});

test("a sniffer that goes moves only its own share", () => {
  const four = ["a", "b", "c", "d"].map((name) => one(name));
  const before = balanceTable(four);
  const after = balanceTable(four.filter(({ name }) => name !== "b"));
  expect(after.length).toBe(before.length);
  before.forEach((winner, place) => {
    const name = four[winner]!.name;
    if (name !== "b") expect(["a", "c", "d"][after[place]!]).toBe(name);
  });
});

test("the order of the list does not matter", () => {
  const names = ["x", "y", "z"].map((name) => one(name));
  const reversed = [...names].reverse();
  const table = balanceTable(reversed).map((winner) => reversed[winner]!.name);
  expect(balanceTable(names).map((winner) => names[winner]!.name)).toEqual(table);
});
