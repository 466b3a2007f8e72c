// Sizes, durations and rates as people write them (`16MiB`, `5s`, `500Mbit`), turned into whole bytes, nanoseconds
// and bits per second. Imports nothing: the command line's options use it without loading the schema.

/** What is wrong with a written value and what would be right: returned, not thrown, so that all are reported. */
export class Flaw {
  constructor(
    /** Continues the sentence that begins with the key: "is 5, which has no unit". */
    readonly message: string,
    /** Continues "expected …". */
    readonly expected: string,
  ) {}
}

// IEC 80000-13: KiB and MiB are powers of 1024, kB and MB powers of 1000. Case counts: Mb would be megabits.
const SIZE_UNITS: Units = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};
// Packet time is counted in nanoseconds (pcapng if_tsresol 9, ERSPAN III granularity), so durations are too.
const DURATION_UNITS: Units = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, min: 60e9, h: 3600e9 };
// The spelling of tc(8) and of every switch vendor's rate limit: decimal multiples.
const RATE_UNITS: Units = { bit: 1, kbit: 1e3, Mbit: 1e6, Gbit: 1e9, Tbit: 1e12 };

type Units = Readonly<Record<string, number>>;

export const SIZE_EXPECTED = expectation("a size", "16MiB", SIZE_UNITS);
export const DURATION_EXPECTED = expectation("a duration", "5s", DURATION_UNITS);
export const RATE_EXPECTED = expectation("a rate", "500Mbit", RATE_UNITS);

/** `16MiB` -> 16777216 bytes. A bare whole number is bytes. At least 1. */
export function parseSize(written: string | number): number | Flaw {
  const text = typeof written === "number" ? `${written}B` : /^\d+$/.test(written) ? `${written}B` : written;
  return quantity(written, text, SIZE_UNITS, SIZE_EXPECTED);
}

/** `5s` -> 5000000000 nanoseconds. The unit is required. At least 1 ns. */
export function parseDuration(written: string): number | Flaw {
  return quantity(written, written, DURATION_UNITS, DURATION_EXPECTED);
}

/** `500Mbit` -> 500000000 bits per second. The unit is required. At least 1 bit per second. */
export function parseRate(written: string): number | Flaw {
  return quantity(written, written, RATE_UNITS, RATE_EXPECTED);
}

function quantity(written: string | number, text: string, units: Units, expected: string): number | Flaw {
  const shown = `is ${JSON.stringify(written)}`;
  const match = /^(\d+)(?:\.(\d+))? ?([A-Za-z]*)$/.exec(text);
  if (match === null) return new Flaw(shown, expected);
  const [, whole = "", fraction = "", unit = ""] = match;
  const scale = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (scale === undefined) {
    const wrong = unit === "" ? "which has no unit" : `whose unit ${unit} is not known`;
    const near = Object.keys(units).find((known) => known.toLowerCase() === unit.toLowerCase());
    return new Flaw(`${shown}, ${wrong}`, near === undefined ? expected : text.replace(unit, near));
  }
  // Digits first, then the decimal point: 8.2s is 8200000000, but 8.2 * 1e9 as doubles is not.
  const value = (Number(whole + fraction) * scale) / 10 ** fraction.length;
  if (value === 0) return new Flaw(shown, `${expected}, more than zero`);
  if (!Number.isSafeInteger(value)) return new Flaw(`${shown}, not a whole number below 2^53`, expected);
  return value;
}

function expectation(what: string, example: string, units: Units): string {
  return `${what} such as ${example} (units ${Object.keys(units).join(", ")})`;
}
