// The engine for browsers: what `spangate/engine` loads at once imports nothing of Node's.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** Static imports of the module at `url` and of all that it imports, packages left out. */
function imported(url: URL, seen = new Map<string, string[]>()): Map<string, string[]> {
  if (seen.has(url.href)) return seen;
  const source = readFileSync(new URL(url.href.replace(/\.js$/, ".ts")), "utf8");
  const names = [...source.matchAll(/^(?:import|export)\b(?! type)[^;]*?from "([^"]+)";/gms)].map(
    ([, name]) => name!,
  );
  seen.set(url.href, names);
  for (const name of names) if (name.startsWith(".")) imported(new URL(name, url), seen);
  return seen;
}

test("spangate/engine is free of Node's modules", () => {
  const modules = imported(new URL("../../src/engine/index.js", import.meta.url));
  expect(modules.size).toBeGreaterThan(10);
  for (const [module, names] of modules) {
    expect(
      names.filter((name) => name.startsWith("node:")),
      module,
    ).toEqual([]);
  }
});
