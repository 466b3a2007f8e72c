// The usual packet goes through four loops, one a step, that call nothing: the text form of the compiled engine says so.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const STEPS = [
  "assembly/pipeline/usual/parseUsual",
  "assembly/pipeline/track/trackUsual",
  "assembly/pipeline/look-up/lookUpUsual",
  "assembly/pipeline/deliver-usual/deliverUsual",
];

/** The text between `start` and the parenthesis that closes the one there. */
function expression(text: string, start: number): string {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    if (text[i] === "(") depth++;
    if (text[i] === ")" && --depth === 0) return text.slice(start, i + 1);
  }
  throw new Error("the text ends within an expression");
}

/** Every `(loop …)` of a function, inner ones too. */
function loops(body: string): string[] {
  return [...body.matchAll(/\(loop /g)].map(({ index }) => expression(body, index));
}

describe.each(["spangate.wat", "spangate.shared.wat"])("%s", (name) => {
  const text = readFileSync(new URL(`../../dist/${name}`, import.meta.url), "utf8");

  test.each(STEPS)("%s loops and calls nothing from within", (step) => {
    const start = text.indexOf(`(func $${step} `);
    expect(start, "is a function of its own").toBeGreaterThan(0);
    const found = loops(expression(text, start));
    expect(found.length).toBeGreaterThan(0);
    for (const loop of found) expect(loop.match(/\((return_)?call(_indirect)? \S+/g)).toBeNull();
  });

  test("the usual packet's headers are read by vectors", () => {
    const parse = expression(text, text.indexOf(`(func $${STEPS[0]} `));
    expect(parse).toContain("i8x16.shuffle");
    expect(parse).toContain("extadd_pairwise");
  });
});
