// The table by which `fanout: balance` chooses: weighted rendezvous hashing (assembly/README.md, "Balance"). A sniffer that comes or
// goes moves only its own share of the places.

/** A sniffer as far as its share goes. */
export interface Balanced {
  readonly name: string;
  readonly weight: number;
}

/** So many for all but very large sets: a table of another size would move flows between sniffers that stay. */
const PLACES = 4096;
const MANY_PLACES = 65_536;
const MANY_SNIFFERS = 64;

/** FNV-1a of 64 bits, and the flow hash's K1 and K3, as upper and lower half. */
const OFFSET = [0xcbf29ce4, 0x84222325] as const;
const PRIME_LOW = 0x1b3; // its upper half is 0x100
const PRIME_SHIFT = 8;
const K1_HIGH = 0x9e3779b9;
const K1_LOW = 0x7f4a7c15;
const K3_HIGH = 0x94d049bb;
const K3_LOW = 0x133111eb;

/** By place, which of the sniffers it belongs to; a power of two of places. */
export function balanceTable(sniffers: readonly Balanced[]): Uint16Array {
  const places = new Uint16Array(placesFor(sniffers.length));
  const groups = byWeight(sniffers);
  for (let b = 0; b < places.length; b++) {
    let best = Number.NEGATIVE_INFINITY;
    let chosen = 0;
    for (const { weight, seeds, members } of groups) {
      const { number, hash } = greatest(seeds, b);
      const score = -weight / Math.log((hash + 0.5) / 2 ** 32);
      const member = members[number]!;
      if (score > best || (score === best && member < chosen)) {
        best = score;
        chosen = member;
      }
    }
    places[b] = chosen;
  }
  return places;
}

function placesFor(sniffers: number): number {
  return sniffers > MANY_SNIFFERS ? MANY_PLACES : PLACES;
}

/** Sniffers of one weight: among them the greatest hash has the greatest score, so that a place takes one logarithm for all. */
interface Group {
  readonly weight: number;
  /** Upper and lower half of each one's seed. */
  readonly seeds: Uint32Array;
  /** Their numbers among all sniffers, rising. */
  readonly members: readonly number[];
}

function byWeight(sniffers: readonly Balanced[]): Group[] {
  const members = new Map<number, number[]>();
  for (const [i, { weight }] of sniffers.entries()) {
    const same = members.get(weight);
    if (same === undefined) members.set(weight, [i]);
    else same.push(i);
  }
  return [...members].map(([weight, numbers]) => {
    const seeds = Uint32Array.from(numbers.flatMap((i) => seedOf(sniffers[i]!.name)));
    return { weight, seeds, members: numbers };
  });
}

const found = { number: 0, hash: 0 };

/** The first of the seeds with the greatest hash at place `b`. */
function greatest(seeds: Uint32Array, b: number): typeof found {
  found.hash = -1;
  for (let i = 0; i < seeds.length; i += 2) {
    const low = (seeds[i + 1]! ^ b) >>> 0;
    // m = (seed xor b)·K1 modulo 2^64, and of (m xor (m >> 32))·K3 the upper half.
    const high = upperWord(seeds[i]!, low, K1_HIGH, K1_LOW);
    const folded = (Math.imul(low, K1_LOW) ^ high) >>> 0;
    const hash = upperWord(high, folded, K3_HIGH, K3_LOW);
    if (hash <= found.hash) continue;
    found.hash = hash;
    found.number = i >>> 1;
  }
  return found;
}

/** Of the product of two 64-bit numbers modulo 2^64. */
function upperWord(high: number, low: number, byHigh: number, byLow: number): number {
  return (Math.imul(high, byLow) + Math.imul(low, byHigh) + upperHalf(low, byLow)) >>> 0;
}

/** Of the 64-bit product of two 32-bit numbers. */
function upperHalf(a: number, b: number): number {
  const [aHigh, aLow, bHigh, bLow] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  return aHigh * bHigh + (middle >>> 16) + ((aLow * bHigh + (middle & 0xffff)) >>> 16);
}

/** s xor (s >> 29) of the name's hash s: upper and lower half. Names are ASCII. */
function seedOf(name: string): [number, number] {
  let [high, low]: [number, number] = [...OFFSET];
  for (let i = 0; i < name.length; i++) {
    low = (low ^ name.charCodeAt(i)) >>> 0;
    const product = low * PRIME_LOW;
    high = (high * PRIME_LOW + Math.floor(product / 2 ** 32) + (low << PRIME_SHIFT)) >>> 0;
    low = product >>> 0;
  }
  return [(high ^ (high >>> 29)) >>> 0, (low ^ ((high << 3) | (low >>> 29))) >>> 0];
}
