// A deterministic stream of damaged packets: the same seed and corpus give the same packets, on any machine.
// About half of them get their checksums made good again, so that deep layers are reached.

import { fixChecksums, fragmentsOf, type Random, type Shape, wrap } from "./mutate-shapes.js";
import { join } from "./packets.js";
import { copy, put16 } from "./region.js";

export interface Mutated {
  frame: Uint8Array;
  /** Never less than what was captured. */
  originalLength: number;
  /** Nanoseconds; mostly rising, with jumps both ways. */
  time: bigint;
  linkType: number;
}

const INTERESTING_BYTES = [
  0, 1, 2, 3, 4, 5, 6, 8, 16, 17, 43, 44, 45, 47, 58, 60, 0x40, 0x45, 0x46, 0x60, 0x7f, 0x80, 0xfe, 0xff,
];
const INTERESTING_WORDS = [
  0, 1, 7, 8, 20, 28, 40, 64, 0x1000, 0x2000, 0x3000, 0x7fff, 0x8000, 0xb000, 0xffff, 0x0800, 0x0806, 0x86dd,
  0x8100, 0x88a8, 0x9100, 0x88be, 0x22eb, 0x6558, 0x8949, 0x1fff, 0x3fff, 4789, 8472, 4790, 6081, 37008, 7932,
  4754,
];
const LINK_TYPES = [1, 101, 12, 14, 228, 229, 113, 276, 0];
const SECOND = 1_000_000_000n;

/** mulberry32: small, and the same everywhere. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

export function* mutations(seed: number, corpus: readonly Shape[]): Generator<Mutated, never, void> {
  if (corpus.length === 0) throw new Error("an empty corpus");
  const random = seeded(seed);
  let time = 1_700_000_000n * SECOND;
  for (;;) {
    const start = corpus[random(corpus.length)]!;
    // A small corpus frame may be put into one or two more tunnels first.
    let shape: Shape = { frame: copy(start.frame), linkType: start.linkType };
    for (let wraps = random(8); wraps >= 6 && shape.frame.length < 9000; wraps--)
      shape = wrap(shape.frame, random);
    for (const frame of pieces(shape, corpus, random)) {
      time += step(random);
      const unseen = random(12) === 0 ? random(64) : 0;
      const linkType = random(200) === 0 ? LINK_TYPES[random(LINK_TYPES.length)]! : shape.linkType;
      yield { frame, originalLength: frame.length + unseen, time, linkType };
    }
  }
}

function step(random: Random): bigint {
  if (random(2000) === 0) return 6n * SECOND;
  if (random(2000) === 0) return -1n * SECOND;
  return BigInt(random(2_000_000));
}

/** One mutated packet, or a datagram's fragments in some order, some of them mutated. */
function pieces(shape: Shape, corpus: readonly Shape[], random: Random): Uint8Array[] {
  if (random(8) !== 0) return [mutate(shape.frame, corpus, random)];
  if (random(3) === 0) shape.frame = mutate(shape.frame, corpus, random);
  const size = 8 * (1 + random(shape.frame.length > 1000 ? 180 : 16));
  const fragments = fragmentsOf(shape, size, random(64)).slice(0, 200);
  for (let swaps = random(4); swaps > 0; swaps--) {
    const [a, b] = [random(fragments.length), random(fragments.length)];
    [fragments[a], fragments[b]] = [fragments[b]!, fragments[a]!];
  }
  if (random(4) === 0)
    fragments.splice(random(fragments.length), 0, copy(fragments[random(fragments.length)]!));
  if (random(8) === 0) fragments.splice(random(fragments.length), 1);
  return fragments.map((fragment) => (random(40) === 0 ? mutate(fragment, corpus, random) : fragment));
}

function mutate(original: Uint8Array, corpus: readonly Shape[], random: Random): Uint8Array {
  let frame = copy(original);
  for (let count = random(4); count > 0; count--) {
    frame = CHANGES[random(CHANGES.length)]!(frame, random, corpus);
  }
  return random(2) === 0 ? fixChecksums(frame) : frame;
}

/** Mostly among the headers. */
function place(frame: Uint8Array, random: Random): number {
  return random(Math.min(frame.length, random(4) === 0 ? frame.length : 110));
}

type Change = (frame: Uint8Array, random: Random, corpus: readonly Shape[]) => Uint8Array;

/** Changes that need some bytes to be there. */
function within(length: number, change: (frame: Uint8Array, random: Random) => void): Change {
  return (frame, random) => {
    if (frame.length >= length) change(frame, random);
    return frame;
  };
}

function greOf(frame: Uint8Array): number | undefined {
  for (let at = 0; at + 24 <= frame.length; at++) {
    if (frame[at]! >> 4 === 4 && frame[at + 9] === 47) {
      const gre = at + (frame[at]! & 0xf) * 4;
      if (gre + 4 <= frame.length) return gre;
    }
  }
  return undefined;
}

const flipBit = within(1, (frame, random) => {
  frame[place(frame, random)]! ^= 1 << random(8);
});
const setByte = within(1, (frame, random) => {
  frame[place(frame, random)] = INTERESTING_BYTES[random(INTERESTING_BYTES.length)]!;
});
const setWord = within(2, (frame, random) => {
  const at = Math.min(place(frame, random) & ~1, frame.length - 2);
  put16(frame, at, INTERESTING_WORDS[random(INTERESTING_WORDS.length)]!);
});
/** A length near the truth is worth more than a wild one. */
const nudgeWord = within(2, (frame, random) => {
  const at = Math.min(place(frame, random) & ~1, frame.length - 2);
  put16(frame, at, (frame[at]! * 256 + frame[at + 1]! + random(33) - 16) & 0xffff);
});
const setLength = within(18, (frame, random) =>
  put16(frame, 16, Math.max(0, frame.length - 14 + random(41) - 20)),
);
const setFragment = within(22, (frame, random) => {
  put16(frame, 18, random(64));
  put16(frame, 20, random(2) * 0x2000 + (random(4) === 0 ? random(0x2000) : random(16)));
});
const setGreFlags = within(1, (frame, random) => {
  const gre = greOf(frame);
  if (gre === undefined) return;
  if (random(6) === 0) frame[gre + 1] = random(8);
  else frame[gre] = random(16) << 4;
});
const truncate: Change = (frame, random) =>
  frame.subarray(0, random(3) === 0 ? random(frame.length + 1) : random(Math.min(frame.length, 120) + 1));
const extend: Change = (frame, random) =>
  join(
    frame,
    Uint8Array.from({ length: random(64) }, () => random(256)),
  );
const splice: Change = (frame, random, corpus) => {
  const other = corpus[random(corpus.length)]!.frame;
  const cut = random(Math.min(frame.length, 120) + 1);
  return join(frame.subarray(0, cut), other.subarray(random(2) === 0 ? cut : random(other.length + 1)));
};
const insertTag: Change = (frame, random) =>
  frame.length < 14 ? frame : join(frame.subarray(0, 12), [0x81, 0, 0, random(256)], frame.subarray(12));

const CHANGES: Change[] = [
  flipBit,
  flipBit,
  setByte,
  setByte,
  setWord,
  setWord,
  nudgeWord,
  setLength,
  setFragment,
  setGreFlags,
  truncate,
  extend,
  splice,
  insertTag,
];
