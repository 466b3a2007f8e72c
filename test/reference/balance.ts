// `fanout: balance`: a table of places, each with the sniffer that wins it by weighted rendezvous
// (Schindelhauer, Schomaker 2005: the greatest -weight / ln(u) wins with a probability in proportion to its weight).

import { K1, K3, u64 } from "./flow.js";

/** For each place the index of its sniffer. A packet goes to place (flow hash mod places). */
export function balanceTable(sniffers: { name: string; weight?: number }[]): number[] {
  const names = sniffers.map(({ name }) => fnv1a(name));
  return Array.from({ length: placesFor(sniffers.length) }, (_, place) => {
    const scores = sniffers.map(({ weight = 1 }, at) => -weight / Math.log(draw(names[at]!, place)));
    return scores.indexOf(Math.max(...scores));
  });
}

export function placesFor(sniffers: number): number {
  return sniffers <= 64 ? 4096 : 65_536;
}

/** A number between 0 and 1, both excluded, that this name always draws for this place. */
function draw(name: bigint, place: number): number {
  const m = u64((name ^ (name >> 29n) ^ BigInt(place)) * K1);
  const x = Number(u64((m ^ (m >> 32n)) * K3) >> 32n);
  return (x + 0.5) / 2 ** 32;
}

/** FNV-1a of 64 bits (draft-eastlake-fnv). */
export function fnv1a(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) hash = u64((hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}
