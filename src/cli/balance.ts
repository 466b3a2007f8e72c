// The balance of a live gateway: what each sniffer was offered and what came of it, every packet's verdict, and what the kernel lost.

import type { LiveStatus } from "../datapath/live.js";
import { conservation, sections, sessionLines, verdictLines } from "./report.js";
import { tableText } from "./table.js";
import type { ReportStyle } from "./terminal.js";

const ALL = { keepOthers: false };

/** For people. */
export function balanceText(status: LiveStatus, style: ReportStyle): string {
  return sections([
    snifferLines(status, style),
    verdictLines(status, ALL, style),
    kernelLines(status, style),
    sessionLines(status.sessions, style),
  ]);
}

/** For programs. */
export function balanceJson(status: LiveStatus): string {
  const { counters, workers, sniffers, ...rest } = status;
  const document = {
    ...rest,
    ...conservation(status, ALL),
    counters,
    workers,
    sniffers: Object.fromEntries(sniffers),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function snifferLines({ sniffers }: LiveStatus, style: ReportStyle): string[] {
  if (sniffers.size === 0) return [];
  const rows = [...sniffers].map(([name, accounts]) => [
    name,
    ...[
      accounts.offered,
      accounts.sent,
      accounts.droppedNewest,
      accounts.droppedOldest,
      accounts.rate,
      accounts.tooLarge,
      accounts.sendError,
      accounts.queued,
      accounts.inFlight,
    ].map((count) => style.number(count)),
  ]);
  return tableText(
    [
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
    ],
    rows,
    style.title,
  );
}

function kernelLines({ kernel }: LiveStatus, style: ReportStyle): string[] {
  const { dropped, ringFull, noFrames } = kernel;
  const counts = [dropped, ringFull, noFrames].map((count) => style.number(count));
  return [`lost in the kernel: ${counts[0]} dropped, ${counts[1]} ring full, ${counts[2]} no free frame`];
}
