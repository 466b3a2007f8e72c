// What is known of where output goes: whether it is a terminal, how wide, and whether it wants colour.

import type { Paint } from "../explain/index.js";
import { grouped } from "./table.js";

type Stream = NodeJS.WriteStream & { readonly fd: number };

/** Colours for a stream: none unless it is a terminal, and none with NO_COLOR (no-color.org). */
export function paintFor(stream: Stream): Paint {
  const { NO_COLOR, TERM } = process.env;
  const coloured = stream.isTTY === true && (NO_COLOR === undefined || NO_COLOR === "") && TERM !== "dumb";
  const sgr = (on: number, off: number) => (text: string) =>
    coloured ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  return { title: sgr(1, 22), quiet: sgr(2, 22), good: sgr(32, 39), bad: sgr(31, 39) };
}

/** How a report is dressed: coloured headings and grouped digits on a terminal, plain text elsewhere. */
export interface ReportStyle {
  title(text: string): string;
  number(value: number): string;
}

export function reportStyleFor(stream: Stream): ReportStyle {
  return { title: paintFor(stream).title, number: stream.isTTY ? grouped : String };
}

/** Columns of a terminal, within what can be read; of anything else 120. */
export function widthOf(stream: Stream): number {
  const columns = stream.isTTY ? stream.columns : 0;
  return columns > 0 ? Math.min(Math.max(columns, 60), 160) : 120;
}

/** Writes all of `text` before it goes on, so that a slow reader is not run over. */
export function write(stream: Stream, text: string): Promise<void> {
  if (text === "" || stream.write(text)) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once("drain", resolve);
  });
}
