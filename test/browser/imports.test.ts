// What a browser loads, of `spangate` and of `spangate/engine`, imports nothing of Node's, at once or later.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** What the module at `url` and all that it imports import, packages left out. */
function imported(url: URL, seen = new Map<string, string[]>()): Map<string, string[]> {
  if (seen.has(url.href)) return seen;
  const source = readFileSync(new URL(url.href.replace(/\.js$/, ".ts")), "utf8");
  const names = [
    ...source.matchAll(/^(?:import|export)\b(?! type)[^;]*?from "([^"]+)";/gms),
    ...source.matchAll(/\bimport\("([^"]+)"\)/g),
  ].map(([, name]) => name!);
  seen.set(url.href, names);
  for (const name of names) if (name.startsWith(".")) imported(new URL(name, url), seen);
  return seen;
}

test.each(["browser.js", "engine/index.js"])("%s is free of Node's modules", (entry) => {
  const modules = imported(new URL(`../../src/${entry}`, import.meta.url));
  expect(modules.size).toBeGreaterThan(10);
  for (const [module, names] of modules) {
    expect(
      names.filter((name) => name.startsWith("node:")),
      module,
    ).toEqual([]);
  }
});

test("Node and browsers are given the same names", async () => {
  const [node, browser] = await Promise.all([import("../../src/index.js"), import("../../src/browser.js")]);
  const onlyNode = Object.keys(node).filter((name) => !(name in browser));
  expect(onlyNode.sort()).toEqual(["decap", "loadConfig", "strip"]);
  expect(Object.keys(browser).filter((name) => !(name in node))).toEqual([]);
});
