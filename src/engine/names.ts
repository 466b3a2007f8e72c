// The engine's closed lists by name: verdicts, encapsulations, headers, counters. All derive from the enums that the
// AssemblyScript is compiled from.

import { Counter } from "../../assembly/counters.js";
import { Encapsulation } from "../../assembly/encapsulation.js";
import { Header } from "../../assembly/header.js";
import { Verdict } from "../../assembly/verdict.js";

export { Counter, Encapsulation, Header, Verdict };

type Kebab<S extends string> = S extends `${infer First}${infer Rest}`
  ? Rest extends Uncapitalize<Rest>
    ? `${Lowercase<First>}${Kebab<Rest>}`
    : `${Lowercase<First>}-${Kebab<Rest>}`
  : S;

/** What became of a packet: `delivered`, or one reason why not. */
export type VerdictName = Kebab<keyof typeof Verdict>;

/** Tunnel encapsulation of a packet's identity; `nvgre` only in the tenant map, `gre-udp` only in the port table. */
export type EncapsulationName = Kebab<keyof typeof Encapsulation>;

/** Counters beside the verdicts'. */
export type CounterName = Kebab<keyof typeof Counter>;

function kebab(name: string): string {
  return name.replace(/(?!^)([A-Z])/g, "-$1").toLowerCase();
}

/** Names of a numeric enum's members, at the place of their number. */
function names<Name extends string>(members: Record<string, string | number>): readonly Name[] {
  const list: Name[] = [];
  for (const [name, number] of Object.entries(members)) {
    if (typeof number === "number") list[number] = kebab(name) as Name;
  }
  return list;
}

/** Verdict names by number. */
export const VERDICTS: readonly VerdictName[] = names<VerdictName>(Verdict);

/** Encapsulation names by number. */
export const ENCAPSULATIONS: readonly EncapsulationName[] = names<EncapsulationName>(Encapsulation);

/** Counter names by number; the verdicts' numbers are empty. */
export const COUNTERS: readonly (CounterName | undefined)[] = names<CounterName>(Counter);
