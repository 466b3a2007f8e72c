// The balance of a live gateway: what each sniffer was offered and what came of it, every packet's verdict, and what the kernel lost.

import type { StatusDocument } from "../control/status.js";
import type { Rates } from "./rates.js";
import { sections, sessionLines, verdictLines } from "./report.js";
import { type Column, tableText } from "./table.js";
import type { ReportStyle } from "./terminal.js";

const ALL = { keepOthers: false };

/** For people; `rates` since the last look, and up to so many `sessions`. */
export function balanceText(
  status: StatusDocument,
  style: ReportStyle,
  rates?: Rates,
  sessions?: number,
): string {
  return sections([
    rateLines(rates, style),
    snifferLines(status, style, rates),
    verdictLines(status, ALL, style),
    quarantineLines(status, style),
    kernelLines(status, style),
    sessionLines(status.sessions, status.sessionCount, style, sessions),
  ]);
}

/** For programs. */
export function balanceJson(status: StatusDocument): string {
  return `${JSON.stringify(status, null, 2)}\n`;
}

const COLUMNS: readonly Column[] = [
  ["sniffer", "left"],
  ["offered", "right"],
  ["sent", "right"],
  ["dropped newest", "right"],
  ["dropped oldest", "right"],
  ["rate", "right"],
  ["too large", "right"],
  ["send error", "right"],
  ["queued", "right"],
  ["in flight", "right"],
];
const RATE_COLUMNS: readonly Column[] = [
  ["offered/s", "right"],
  ["sent/s", "right"],
];

function snifferLines({ sniffers }: StatusDocument, style: ReportStyle, rates: Rates | undefined): string[] {
  const rows = Object.entries(sniffers).map(([name, accounts]) => {
    const rate = rates?.sniffers.get(name);
    const counts = [
      accounts.offered,
      accounts.sent,
      accounts.droppedNewest,
      accounts.droppedOldest,
      accounts.rate,
      accounts.tooLarge,
      accounts.sendError,
      accounts.queued,
      accounts.inFlight,
      ...(rate === undefined ? [] : [Math.round(rate.offered), Math.round(rate.sent)]),
    ];
    return [name, ...counts.map((count) => style.number(count))];
  });
  if (rows.length === 0) return [];
  return tableText(rates === undefined ? COLUMNS : [...COLUMNS, ...RATE_COLUMNS], rows, style.title);
}

function rateLines(rates: Rates | undefined, style: ReportStyle): string[] {
  if (rates === undefined) return [];
  const { seconds, received, delivered, drops, lost } = rates;
  const counts = [received, delivered, drops, lost].map((rate) => style.number(Math.round(rate)));
  return [
    `packets a second in the last ${seconds.toFixed(1)} s: ` +
      `${counts[0]} received, ${counts[1]} delivered, ${counts[2]} dropped, ${counts[3]} lost in the kernel`,
  ];
}

function quarantineLines({ quarantine }: StatusDocument, style: ReportStyle): string[] {
  if (quarantine === undefined) return [];
  const [offered, sent] = [quarantine.offered, quarantine.sent].map((count) => style.number(count));
  return [`quarantine: ${sent} of ${offered} unmapped packets written`];
}

function kernelLines({ kernel }: StatusDocument, style: ReportStyle): string[] {
  const { dropped, ringFull, noFrames } = kernel;
  const counts = [dropped, ringFull, noFrames].map((count) => style.number(count));
  return [`lost in the kernel: ${counts[0]} dropped, ${counts[1]} ring full, ${counts[2]} no free frame`];
}
