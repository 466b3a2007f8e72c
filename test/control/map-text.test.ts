// Of a text like the one before only what is different is parsed: what comes of it must be what JSON.parse gives of the whole.

import fc from "fast-check";
import { expect, test } from "vitest";
import { MapText } from "../../src/control/map-text.js";

/** Counts the characters that are parsed. */
function counted() {
  let characters = 0;
  const texts = new MapText((text) => {
    characters += text.length;
    return JSON.parse(text);
  });
  return {
    read: (text: string): unknown => texts.read(Buffer.from(text)),
    parsed: () => {
      const before = characters;
      characters = 0;
      return before;
    },
  };
}

const sniffers = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    name: `s${i}`,
    deliver: "mac",
    mac: `02:00:00:00:00:${10 + i}`,
  }));
const tenants = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    name: `t${i} "}]\\`,
    sniffers: [`s${i}`],
    rate: i,
    sources: [{ vni: [] }],
  }));

test("of a map with one entry that is another only that is parsed, and all others are the same", () => {
  const { read, parsed } = counted();
  const map = { sharedSources: [], sniffers: sniffers(50), tenants: tenants(50) };
  const first = read(JSON.stringify(map)) as typeof map;
  let before = first;
  parsed();
  const steps: ((lists: typeof map) => void)[] = [
    ({ sniffers }) => {
      sniffers[7]!.mac = "02:ff:00:00:00:00";
    },
    ({ tenants }) => {
      tenants[49]!.rate = 1e9;
    },
    ({ sniffers }) => void sniffers.push({ name: "new", deliver: "mac", mac: "é" }),
    ({ sniffers }) => void sniffers.splice(20, 1),
    ({ tenants }) => void tenants.splice(0, 0, { ...tenants[3]!, name: "first" }),
    ({ tenants }) => void tenants.splice(48, 3),
    () => {},
  ];
  for (const [i, step] of steps.entries()) {
    const next = structuredClone(before);
    step(next);
    const after = read(JSON.stringify(next)) as typeof map;
    expect(after).toEqual(next);
    expect(parsed(), `step ${i}`).toBeLessThan(400);
    expect(after.sniffers[0]).toBe(first.sniffers[0]);
    before = after;
  }
});

test("also of a text of many blocks, wherever it is different", () => {
  const { read, parsed } = counted();
  let before = { sharedSources: [], sniffers: sniffers(1000), tenants: tenants(4000) };
  read(JSON.stringify(before));
  parsed();
  for (let i = 0; i < 4000; i += 133) {
    const next = { ...before, tenants: before.tenants.slice() };
    // In turn as long as before, longer and shorter.
    next.tenants.splice(i, 1, { ...next.tenants[i]!, rate: [9999 - i, 1e15, 0][i % 3]! });
    expect(read(JSON.stringify(next)), `tenant ${i}`).toEqual(next);
    expect(parsed(), `tenant ${i}`).toBeLessThan(400);
    before = next;
  }
  const next = { ...before, tenants: before.tenants.slice() };
  // Of the same length, so that whatever lies between them would be JSON, too.
  for (const i of [2500, 3700]) next.tenants[i] = { ...next.tenants[i]!, rate: 5555 };
  expect(read(JSON.stringify(next))).toEqual(next);
});

test.each([
  ["between commas nothing", '{"tenants":[10,20,30,40]}', '{"tenants":[10,,30,40]}'],
  ["a comma too many", '{"tenants":[10,20,30,40]}', '{"tenants":[10,20,30,40,]}'],
  [
    "the list's end moved",
    '{"tenants":[1,2,3],"sniffers":[4,5,6]}',
    '{"tenants":[1,2],"x":[3],"sniffers":[4,5,6]}',
  ],
  ["a list twice", '{"tenants":[1,2,3],"tenants":[4,5,6]}', '{"tenants":[1,9,3],"tenants":[4,5,6]}'],
  [
    "a list, and then another value",
    '{"tenants":[1,2,3],"tenants":{"x":4}}',
    '{"tenants":[1,9,3],"tenants":{"x":4}}',
  ],
  [
    "a list twice, once in other letters",
    '{"tenants":[1,2,3],"t\\u0065nants":[4,5,6]}',
    '{"tenants":[1,9,3],"t\\u0065nants":[4,5,6]}',
  ],
  ["in a list of objects", '[{"tenants":[1,2,3,4]}]', '[{"tenants":[1,2,3,5]}]'],
  ["deeper down", '{"a":{"tenants":[1,2,3,4]}}', '{"a":{"tenants":[1,2,3,5]}}'],
  ["after the end", '{"tenants":[1,2,3,4]}', '{"tenants":[1,2,3,4]}]'],
  ["a number goes on", '{"tenants":[1,2,3,4]}', '{"tenants":[1,2,3 4]}'],
])("%s", (_, before, after) => {
  const { read } = counted();
  read(before);
  expect(outcome(() => read(after))).toEqual(outcome(() => JSON.parse(after)));
});

test("whatever is done to a text", () => {
  const entry = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.record({ name: fc.string(), sources: fc.array(fc.nat(9)) }),
  );
  const list = fc.array(entry, { maxLength: 6 });
  const map = fc.record(
    { sharedSources: list, sniffers: list, tenants: list, other: fc.jsonValue() },
    { requiredKeys: [] },
  );
  const piece = fc.oneof(
    fc.constantFrom(
      ",",
      "]",
      "[",
      "{",
      "}",
      '"',
      "\\",
      " ",
      "1",
      "null",
      "{},",
      ",{}",
      ",[]",
      '"tenants":[',
      "é",
    ),
    entry.map((each) => `${JSON.stringify(each)},`),
  );
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat(4), piece), { minLength: 1, maxLength: 2 });
  let whole = 0;
  fc.assert(
    fc.property(map, fc.constantFrom(0, 1), fc.array(edits, { maxLength: 8 }), (first, space, steps) => {
      const { read } = counted();
      let text = JSON.stringify(first, null, space);
      read(text);
      for (const step of steps) {
        let next = text;
        for (const [place, length, piece] of step) {
          const at = place % (next.length + 1);
          next = next.slice(0, at) + piece + next.slice(at + length);
        }
        const expected = outcome(() => JSON.parse(next));
        expect(outcome(() => read(next))).toEqual(expected);
        if (expected === "not JSON") continue;
        whole++;
        text = next;
      }
    }),
    { numRuns: 20_000 },
  );
  expect(whole).toBeGreaterThan(1000);
});

function outcome(read: () => unknown): unknown {
  try {
    return { value: read() };
  } catch {
    return "not JSON";
  }
}
