// Numbers: the median, one measurement over another, and columns for people.

/** Prints a title, a header and rows; columns of numbers are aligned to the right. */
export function printTable(
  title: string,
  header: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const widths = header.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]!.length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join("  ");
  console.log(`\n${title}\n`);
  console.log(line(header));
  console.log(widths.map((width) => "─".repeat(width)).join("  "));
  for (const row of rows) console.log(line(row));
}

/** `12.3 M/s` */
export function rate(perSecond: number): string {
  return `${(perSecond / 1e6).toFixed(perSecond < 1e7 ? 2 : 1)} M/s`;
}

export function fixed(value: number, digits = 1): string {
  return value.toFixed(digits);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** One measurement over another, turn by turn: the median, and the middle half. */
export interface Ratio {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export function ratioOf(times: readonly number[], others: readonly number[]): Ratio {
  const sorted = times.map((time, i) => time / others[i]!).sort((a, b) => a - b);
  const quarter = sorted.length >> 2;
  return { median: median(sorted), low: sorted[quarter]!, high: sorted[sorted.length - 1 - quarter]! };
}

/** `1.24 (1.20 to 1.31)` */
export function spread(ratio: Ratio | undefined): string {
  if (ratio === undefined) return "–";
  return `${fixed(ratio.median, 2)} (${fixed(ratio.low, 2)} to ${fixed(ratio.high, 2)})`;
}
