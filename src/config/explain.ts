// Turns the schema's issues into findings: what stands there, what would be right, and which word was probably meant.
// The schema's error texts are expectations (fields.ts); what was found is read from the value itself.
import type { z } from "zod";
import { wordsOf } from "./fields.js";
import type { Finding, Path } from "./mistakes.js";

type Issue = z.core.$ZodIssue;

/** The findings of one issue; an issue about unknown keys has one for each key. */
export function explain(issue: Issue, value: unknown): Finding[] {
  const path = issue.path.map((step) => (typeof step === "number" ? step : String(step)));
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      path: [...path, key],
      atKey: true,
      message: `is not a known key${didYouMean(key, wordsOf(issue.message))}`,
      expected: issue.message,
    }));
  }
  if (issue.code === "custom") {
    return [{ path, message: issue.message, expected: String(issue.params?.expected) }];
  }
  const found = valueAt(value, path);
  const suggestion = typeof found === "string" ? didYouMean(found, wordsOf(issue.message)) : "";
  return [{ path, message: describe(found) + suggestion, expected: issue.message }];
}

function describe(found: unknown): string {
  if (found === undefined) return "is missing";
  if (found === null) return "has no value";
  if (Array.isArray(found)) return found.length === 0 ? "is an empty list" : "is a list";
  if (typeof found === "object") return "is a map of keys";
  // JSON has no word for .nan and .inf, which YAML can write.
  const shown = typeof found === "number" ? String(found) : (JSON.stringify(found) ?? String(found));
  return `is ${shown.length > 80 ? `${shown.slice(0, 80)}…` : shown}`;
}

function valueAt(value: unknown, path: Path): unknown {
  let found = value;
  for (const step of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, step)) return undefined;
    found = (found as Record<string | number, unknown>)[step];
  }
  return found;
}

/** ` (did you mean "session"?)` for a word close to one of the known ones, else nothing. */
export function didYouMean(word: string, known: readonly string[]): string {
  const plain = (text: string) => text.toLowerCase().replace(/[-_ ]/g, "");
  let nearest = "";
  // One slip in a word of three letters, two in one of six: further away it is another word.
  let limit = Math.floor(word.length / 3) + 1;
  for (const candidate of known) {
    const distance = editDistance(plain(word), plain(candidate));
    if (distance < limit) {
      nearest = candidate;
      limit = distance;
    }
  }
  return nearest === "" ? "" : ` (did you mean "${nearest}"?)`;
}

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  // Words of a schema are short; a page of text in a key must not cost a square of its length.
  if (Math.abs(a.length - b.length) > 8) return Number.POSITIVE_INFINITY;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, before[j - 2]! + 1);
      }
      row.push(cost);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}
