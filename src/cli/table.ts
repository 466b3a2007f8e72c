// Tables of plain text: columns as wide as their widest cell, numbers to the right.

/** A column: its heading and on which side its cells stand. */
export type Column = readonly [heading: string, side: "left" | "right"];

/** Lines of a table, without trailing space. `heading` colours the first line. */
export function tableText(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  heading: (text: string) => string,
): string[] {
  const widths = columns.map(([title], i) =>
    rows.reduce((width, row) => Math.max(width, (row[i] ?? "").length), title.length),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (columns[i]![1] === "right" ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd();
  return [heading(line(columns.map(([title]) => title))), ...rows.map(line)];
}

/** `1 234 567` with narrow no-break spaces, as in ISO 80000-1. For terminals; programs read plain digits. */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

const PREFIXES = ["", " k", " M", " G", " T"];

/** `12`, `1.23 k`, `812 M`: three digits, for numbers that change while one looks. */
export function compact(value: number): string {
  let scaled = value;
  let prefix = 0;
  while (Math.abs(scaled) >= 999.5 && prefix < PREFIXES.length - 1) {
    scaled /= 1000;
    prefix++;
  }
  const text = prefix === 0 ? String(Math.round(scaled)) : scaled.toPrecision(3);
  return `${text}${PREFIXES[prefix]}`;
}

/** `11/50 (22%)`, or n/a without sequence numbers. */
export function lossText(
  loss: { readonly lost: number; readonly expected: number } | undefined,
  number: (value: number) => string,
): string {
  if (loss === undefined) return "n/a";
  const { lost, expected } = loss;
  const percent = expected > 0 ? (100 * lost) / expected : 0;
  // Some loss is never shown as none.
  const shown = lost > 0 && percent < 0.01 ? "<0.01" : String(Number(percent.toFixed(2)));
  return `${number(lost)}/${number(expected)} (${shown}%)`;
}
