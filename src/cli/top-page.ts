// A page of `spangate top`: the gateway in a few lines, then a table as high and as wide as there is room for.

import type { StatusDocument } from "../control/status.js";
import { VERDICTS } from "../engine/index.js";
import { ratesBetween } from "./rates.js";
import { lossText, tableText } from "./table.js";
import { type Row, rowsOf, type Sort, type View } from "./top-rows.js";

export interface Page {
  readonly view: View;
  readonly sort: Sort;
  readonly now: StatusDocument;
  readonly before: StatusDocument | undefined;
  readonly isPaused: boolean;
  /** Rows of the table that are passed over. */
  readonly first: number;
}

export interface Paper {
  /** Columns and lines; undefined: as much as there is. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  title(text: string): string;
  number(value: number): string;
}

const HELP = "t tenants  s sniffers  e sessions   sort: p b d u l n   space pauses  q quits";
const LEAST_NAME = 8;

/** Lines, none wider than the paper. */
export function pageLines(page: Page, paper: Paper): string[] {
  const { width = Number.POSITIVE_INFINITY, height = Number.POSITIVE_INFINITY } = paper;
  const cut = (text: string) => (text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text);
  const head = headLines(page, paper).map(cut);
  const onTerminal = paper.height !== undefined;
  const room = height - head.length - (onTerminal ? 2 : 1);
  const rows = rowsOf(page.view, page.sort, page.before, page.now);
  const first = Math.min(page.first, Math.max(0, rows.length - room));
  const shown = rows.slice(first, first + Math.max(0, room));
  const [heading = "", ...table] = tableLines(page.view, shown, paper).map(cut);
  const lines = [...head, paper.title(heading), ...table];
  if (!onTerminal) return lines;
  const rest =
    rows.length > shown.length ? `${first + 1} to ${first + shown.length} of ${rows.length}  ` : "";
  const filled = [...lines, ...Array<string>(Math.max(0, height - 1 - lines.length)).fill("")];
  return [...filled.slice(0, Math.max(0, height - 1)), cut(`${rest}${HELP}`)];
}

function headLines({ now, before, view, sort, isPaused }: Page, { number }: Paper): string[] {
  const rates = before === undefined ? undefined : ratesBetween(before, now);
  const rate = (value: number | undefined) => (value === undefined ? "-" : number(Math.round(value)));
  const bytes = (document: StatusDocument) =>
    Object.values(document.sniffers).reduce((sum, { sentBytes }) => sum + sentBytes, 0);
  const sent = rates === undefined ? undefined : (8 * (bytes(now) - bytes(before!))) / rates.seconds;
  const { lost, expected } = now.upstream;
  const upstream = lossText(expected > 0 ? { lost, expected } : undefined, number);
  const state = isPaused ? "  paused" : "";
  return [
    `spangate up ${spanText(now.seconds)}, map ${now.map.generation}, ${now.receive}; ${view} by ${sort}${state}`,
    `received ${rate(rates?.received)}/s  delivered ${rate(rates?.delivered)}/s  sent ${rate(sent)} bit/s  ` +
      `lost in the kernel ${rate(rates?.lost)}/s`,
    `upstream loss ${upstream}  dropped ${rate(rates?.drops)}/s${dropsText(before, now, rates?.seconds, number)}`,
    ...now.notes.map((note) => `note: ${note}`).slice(0, 2),
    "",
  ];
}

/** `: unmapped 12/s, loop 1/s` */
function dropsText(
  before: StatusDocument | undefined,
  now: StatusDocument,
  seconds: number | undefined,
  number: Paper["number"],
): string {
  if (before === undefined || seconds === undefined) return "";
  const reasons = VERDICTS.filter((verdict) => verdict !== "delivered" && verdict !== "reassembled")
    .map((verdict) => [verdict, (now.counters[verdict] - before.counters[verdict]) / seconds] as const)
    .filter(([, drops]) => drops > 0)
    .sort(([, a], [, b]) => b - a);
  return reasons.length === 0 ? "" : `: ${reasonsText(reasons, number)}`;
}

function reasonsText(reasons: Row["reasons"], number: Paper["number"]): string {
  return reasons.map(([reason, rate]) => `${reason} ${number(Math.ceil(rate))}`).join(", ");
}

function tableLines(view: View, rows: readonly Row[], paper: Paper): string[] {
  const { number, width } = paper;
  const rate = (value: number | undefined) => (value === undefined ? "-" : number(Math.round(value)));
  const plain = (text: string) => text;
  if (view === "sessions") {
    const cells = rows.map(({ name, packets, bits, loss }) => [
      name,
      rate(packets),
      rate(bits),
      lossText(loss, number),
    ]);
    const columns = [
      ["session", "left"],
      ["packets/s", "right"],
      ["bit/s", "right"],
      ["upstream loss", "right"],
    ] as const;
    return fitted(columns, cells, 0, width, plain);
  }
  const isSniffers = view === "sniffers";
  const cells = rows.map(({ name, tenant = "-", packets, bits, drops, queued = 0, limit = 0, reasons }) => [
    name,
    ...(isSniffers ? [tenant] : []),
    rate(packets),
    rate(bits),
    `${number(queued)}/${number(limit)}`,
    rate(drops),
    reasonsText(reasons, number),
  ]);
  const columns = [
    [isSniffers ? "sniffer" : "tenant", "left"],
    ...(isSniffers ? [["tenant", "left"] as const] : []),
    ["packets/s", "right"],
    ["bit/s", "right"],
    ["queued", "right"],
    ["drops/s", "right"],
    ["by reason a second", "left"],
  ] as const;
  return fitted(columns, cells, isSniffers ? 1 : 0, width, plain);
}

/** Names give way so that numbers stay; `last` is the last column of names. */
function fitted(
  columns: Parameters<typeof tableText>[0],
  cells: readonly string[][],
  last: number,
  width: number | undefined,
  plain: (text: string) => string,
): string[] {
  if (width === undefined) return tableText(columns, cells, plain);
  const numbers = columns.slice(last + 1).filter(([, side]) => side === "right");
  const wide = numbers.reduce((sum, [title], i) => {
    const column = last + 1 + i;
    return sum + 2 + cells.reduce((most, row) => Math.max(most, row[column]!.length), title.length);
  }, 0);
  const most = Math.max(LEAST_NAME, Math.floor((width - wide) / (last + 1)) - 2 * last);
  const short = cells.map((row) =>
    row.map((cell, i) => (i <= last && cell.length > most ? `${cell.slice(0, most - 1)}…` : cell)),
  );
  return tableText(columns, short, plain);
}

/** `3 d 4 h`, `4 h 5 min`, `5 min 6 s`. */
function spanText(seconds: number): string {
  const units = [
    ["d", 86_400],
    ["h", 3600],
    ["min", 60],
    ["s", 1],
  ] as const;
  const from = units.findIndex(([, length]) => seconds >= length);
  if (from < 0) return "0 s";
  return units
    .slice(from, from + 2)
    .map(
      ([unit, length], i) =>
        `${Math.floor((i === 0 ? seconds : seconds % units[from]![1]) / length)} ${unit}`,
    )
    .join(" ");
}
