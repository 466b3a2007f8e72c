// Whole maps that are sent again and again, each nearly the one before: of the text only what is different is parsed, which must lie in one
// list. All else are the values of the one before, the very same, so that whoever compares the two has little to do.

import { LISTS, type ListName } from "../config/schema.js";

/** Bytes of a body that is kept to be compared with the next. */
const MOST = 16 * 2 ** 20;
/** Bytes that are compared at once. */
const BLOCK = 65_536;

/** Gives what the text says, or throws. */
type Parse = (text: string) => unknown;
type Body = Readonly<Record<string, unknown>>;

/** Where a list's entries begin and end in the text. */
interface Entries {
  readonly begins: readonly number[];
  readonly ends: readonly number[];
}

interface Known {
  readonly bytes: Buffer;
  readonly body: Body;
  /** Found when another text is like this one. */
  lists?: ReadonlyMap<ListName, Entries> | undefined;
}

export class MapText {
  readonly #parse: Parse;
  #known: Known | undefined;

  /** @param parse JSON */
  constructor(parse: Parse) {
    this.#parse = parse;
  }

  /** What `parse` gives of the whole text, or throws. What was given before must not have been changed. */
  read(bytes: Buffer): unknown {
    const next = (this.#known && this.#readDifference(this.#known, bytes)) ?? this.#readWhole(bytes);
    this.#known = isObject(next.body) && bytes.length <= MOST ? (next as Known) : undefined;
    return next.body;
  }

  #readWhole(bytes: Buffer): { bytes: Buffer; body: unknown } {
    return { bytes, body: this.#parse(bytes.toString("utf8")) };
  }

  #readDifference(known: Known, bytes: Buffer): Known | undefined {
    const before = known.bytes;
    const shorter = Math.min(before.length, bytes.length);
    const first = sameFrom(before, bytes, shorter);
    if (first === before.length && first === bytes.length) return known;
    const last = sameUpTo(before, bytes, shorter - first);
    if (first + last < shorter / 2) return undefined;
    known.lists ??= listsOf(before);
    for (const [name, entries] of known.lists) {
      const { begins, ends } = entries;
      // The entries that are different, and what surrounds them.
      const from = countUpTo(begins, first) - 1;
      const to = countUpTo(ends, before.length - last - 1);
      if (from < 0 || to >= ends.length || to < from) continue;
      const list = known.body[name] as readonly unknown[];
      const begin = begins[from]!;
      const shift = bytes.length - before.length;
      const end = ends[to]! + shift;
      const fresh = this.#parseEntries(bytes.toString("utf8", begin, end));
      // Between two commas must be something.
      if (fresh === undefined || fresh.length === 0) return undefined;
      const places = entriesFrom(bytes, begin, end);
      const join = <T>(some: readonly T[], middle: readonly T[], move: (each: T) => T) =>
        some.slice(0, from).concat(middle, some.slice(to + 1).map(move));
      const moved = (each: number) => each + shift;
      const lists = new Map<ListName, Entries>();
      for (const [other, theirs] of known.lists) {
        const isBehind = (theirs.begins[0] ?? 0) > begin;
        lists.set(
          other,
          isBehind ? { begins: theirs.begins.map(moved), ends: theirs.ends.map(moved) } : theirs,
        );
      }
      lists.set(name, { begins: join(begins, places.begins, moved), ends: join(ends, places.ends, moved) });
      return { bytes, body: { ...known.body, [name]: join(list, fresh, (each) => each) }, lists };
    }
    return undefined;
  }

  /** Undefined when they are none: the whole text tells what is wrong with it. */
  #parseEntries(text: string): readonly unknown[] | undefined {
    try {
      return this.#parse(`[${text}]`) as readonly unknown[];
    } catch {
      return undefined;
    }
  }
}

function isObject(value: unknown): value is Body {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** How many bytes at the beginning are the same, up to `most`. */
function sameFrom(a: Buffer, b: Buffer, most: number): number {
  let same = 0;
  const isSame = (length: number) => a.compare(b, same, same + length, same, same + length) === 0;
  while (same + BLOCK <= most && isSame(BLOCK)) same += BLOCK;
  while (same < most && a[same] === b[same]) same++;
  return same;
}

/** How many at the end. */
function sameUpTo(a: Buffer, b: Buffer, most: number): number {
  let same = 0;
  const isSame = (length: number) =>
    a.compare(b, b.length - same - length, b.length - same, a.length - same - length, a.length - same) === 0;
  while (same + BLOCK <= most && isSame(BLOCK)) same += BLOCK;
  while (same < most && a[a.length - 1 - same] === b[b.length - 1 - same]) same++;
  return same;
}

/** How many numbers of a rising list are at most `limit`. */
function countUpTo(list: readonly number[], limit: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

const [QUOTE, COMMA, BACKSLASH] = [0x22, 0x2c, 0x5c] as const;
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d] as const;

/** Of a text that is a JSON object. A list that is there twice, or whose key is written in another way, is none. */
function listsOf(bytes: Buffer): Map<ListName, Entries> {
  const lists = new Map<ListName, Entries>();
  const seen = new Set<string>();
  let at = spaceEnd(bytes, bytes.indexOf(OPEN_OBJECT) + 1);
  while (bytes[at] === QUOTE) {
    const keyEnd = valueEnd(bytes, at);
    const key = JSON.parse(bytes.toString("utf8", at, keyEnd)) as string;
    const begin = spaceEnd(bytes, spaceEnd(bytes, keyEnd) + 1);
    const end = valueEnd(bytes, begin);
    if (seen.has(key)) lists.delete(key as ListName);
    else if (isList(key) && bytes[begin] === OPEN_LIST)
      lists.set(key, entriesFrom(bytes, begin + 1, end - 1));
    seen.add(key);
    at = spaceEnd(bytes, end);
    if (bytes[at] === COMMA) at = spaceEnd(bytes, at + 1);
  }
  return lists;
}

function isList(key: string): key is ListName {
  return (LISTS as readonly string[]).includes(key);
}

/** Of a list without its brackets. */
function entriesFrom(bytes: Buffer, from: number, to: number): Entries {
  const begins: number[] = [];
  const ends: number[] = [];
  for (let at = spaceEnd(bytes, from); at < to; ) {
    begins.push(at);
    at = valueEnd(bytes, at);
    ends.push(at);
    at = spaceEnd(bytes, at);
    if (bytes[at] === COMMA) at = spaceEnd(bytes, at + 1);
  }
  return { begins, ends };
}

function spaceEnd(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at]! <= 0x20) at++;
  return at;
}

/** Where the value ends that begins here, in what is JSON. */
function valueEnd(bytes: Buffer, from: number): number {
  let depth = 0;
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      at++;
      while (bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
      if (depth === 0) return at + 1;
    } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth++;
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
      if (depth === 0) return at; // behind a number or a word
      if (--depth === 0) return at + 1;
    } else if (depth === 0 && (byte === COMMA || byte <= 0x20)) return at;
  }
  return bytes.length;
}
