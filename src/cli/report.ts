// The accounts of strip and decap: tables for people, one JSON document for programs.

import { STATUS_SESSIONS } from "../config/defaults.js";
import { conservation } from "../datapath/conservation.js";
import type { Report } from "../datapath/index.js";
import { type Counters, type Session, VERDICTS } from "../engine/index.js";
import { VERDICT_SENTENCES } from "../explain/sentences.js"; // without the rest of explain, which loads what only configurations need
import { lossText, tableText } from "./table.js";
import type { ReportStyle } from "./terminal.js";

/** Whether packets in no tunnel were passed on: `strip --keep-others`. */
export interface ReportOptions {
  readonly keepOthers: boolean;
}

/** What the engine counts beside verdicts, when there is something to tell. */
const ASIDES: readonly (readonly [name: keyof Counters, sentence: string])[] = [
  ["fragment-duplicates", "fragments repeated one that was held"],
  ["checksum-unverifiable", "GRE checksums could not be verified: bytes were not captured"],
  ["critical-options", "packets were passed with an unknown critical GENEVE option (--lenient)"],
  ["unknown-granularity", "ERSPAN III clocks of unknown granularity: capture time was kept"],
  ["untracked", "packets were of sessions that the full session table could not take"],
];

/** Verdicts with the conservation line, sessions, and what else there is to say. */
export function stripText(report: Report, options: ReportOptions, style: ReportStyle): string {
  return sections([
    verdictLines(report, options, style),
    sessionLines(byPackets(report.sessions), report.sessions.length, style),
    asideLines(report, style),
    fileLines(report, style),
  ]);
}

/** What each sniffer got, verdicts with the conservation line, and where the files are. */
export function decapText(report: Report, style: ReportStyle): string {
  return sections([
    deliveryLines(report, style),
    refusalLines(report, style),
    verdictLines(report, { keepOthers: false }, style),
    asideLines(report, style),
    fileLines(report, style),
  ]);
}

/** All of it, for programs. */
export function reportJson(command: string, report: Report, options: ReportOptions): string {
  const { counters, sessions, deliveries, sniffers, files, notices, failure } = report;
  const verdicts = Object.fromEntries(VERDICTS.map((name) => [name, counters[name]]));
  const others = Object.fromEntries(Object.entries(counters).filter(([name]) => !(name in verdicts)));
  const document = {
    command,
    ...conservation(report, options),
    verdicts,
    counters: others,
    sessions,
    deliveries,
    ...(sniffers === undefined ? {} : { sniffers: Object.fromEntries(sniffers) }),
    files,
    notices,
    ...(failure === undefined ? {} : { failure }),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

export function sections(parts: readonly (readonly string[])[]): string {
  const texts = parts.filter((lines) => lines.length > 0).map((lines) => lines.join("\n"));
  return `${texts.join("\n\n")}\n`;
}

export function verdictLines(
  report: Pick<Report, "counters">,
  options: ReportOptions,
  style: ReportStyle,
): string[] {
  const { counters } = report;
  const rows = VERDICTS.filter((name) => counters[name] > 0).map((name) => {
    const passed = options.keepOthers && name === "not-tunnel";
    const sentence = passed ? "in no tunnel; passed on as they came" : VERDICT_SENTENCES[name];
    return [name, style.number(counters[name]), sentence];
  });
  const table = tableText(
    [
      ["verdict", "left"],
      ["packets", "right"],
      ["", "left"],
    ],
    rows,
    style.title,
  );
  const conservation = conservationLine(report, options);
  return rows.length > 0 ? [...table, "", conservation] : [conservation];
}

function conservationLine(report: Pick<Report, "counters">, options: ReportOptions): string {
  const { received, delivered, passed, reassembled, held, drops, holds } = conservation(report, options);
  const others = passed > 0 ? ` + passed ${passed}` : "";
  const sign = holds ? "=" : "≠";
  return `received ${received} ${sign} delivered ${delivered}${others} + reassembled ${reassembled} + held ${held} + drops ${drops}`;
}

function byPackets(sessions: readonly Session[]): Session[] {
  return [...sessions].sort((a, b) => b.packets - a.packets);
}

/** The first of `count` sessions. */
export function sessionLines(
  sessions: readonly Session[],
  count: number,
  style: ReportStyle,
  most: number = STATUS_SESSIONS.listed,
): string[] {
  if (count === 0) return [];
  const shown = sessions.slice(0, most);
  if (shown.length === 0) return [`${style.number(count)} mirror sessions`];
  const rows = shown.map(({ encapsulation, source, destination, id, packets, bytes, sequence }) => [
    encapsulation,
    source,
    destination,
    id === undefined ? "-" : String(id),
    style.number(packets),
    style.number(bytes),
    lossText(sequence, style.number),
    ...[sequence?.reordered, sequence?.duplicates, sequence?.restarts].map((packets) =>
      packets === undefined ? "n/a" : style.number(packets),
    ),
  ]);
  const table = tableText(
    [
      ["encapsulation", "left"],
      ["source", "left"],
      ["destination", "left"],
      ["id", "right"],
      ["packets", "right"],
      ["bytes", "right"],
      ["upstream loss", "right"],
      ["reordered", "right"],
      ["duplicates", "right"],
      ["restarts", "right"],
    ],
    rows,
    style.title,
  );
  const more = count - shown.length;
  return more > 0 ? [...table, `and ${style.number(more)} more`] : table;
}

function deliveryLines({ deliveries }: Report, style: ReportStyle): string[] {
  const rows = deliveries.map(({ tenant, sniffer, encapsulation, packets, bytes, loss }) => [
    tenant,
    sniffer,
    encapsulation,
    style.number(packets),
    style.number(bytes),
    lossText(loss, style.number),
  ]);
  if (rows.length === 0) return ["no packet was any tenant's"];
  return tableText(
    [
      ["tenant", "left"],
      ["sniffer", "left"],
      ["encapsulation", "left"],
      ["packets", "right"],
      ["bytes", "right"],
      ["upstream loss", "right"],
    ],
    rows,
    style.title,
  );
}

/** What sniffers were offered and did not take, when there is such. */
function refusalLines({ sniffers }: Report, style: ReportStyle): string[] {
  const rows = [...(sniffers ?? [])]
    .filter(([, { offered, sent }]) => sent < offered)
    .map(([sniffer, { offered, sent, tooLarge, rate, droppedNewest, droppedOldest }]) => [
      sniffer,
      ...[offered, sent, tooLarge, rate, droppedNewest + droppedOldest].map(style.number),
    ]);
  if (rows.length === 0) return [];
  return tableText(
    [
      ["sniffer", "left"],
      ["offered", "right"],
      ["sent", "right"],
      ["too-large", "right"],
      ["rate", "right"],
      ["queue-full", "right"],
    ],
    rows,
    style.title,
  );
}

function asideLines({ counters, notices }: Report, style: ReportStyle): string[] {
  const asides = ASIDES.filter(([name]) => counters[name] > 0);
  return [
    ...asides.map(([name, sentence]) => `note: ${style.number(counters[name])} ${sentence}`),
    ...notices.map((notice) => `note: ${notice}`),
  ];
}

function fileLines({ files }: Report, style: ReportStyle): string[] {
  return files.map(({ path, packets, bytes, isWhole }) => {
    const name = path === "-" ? "standard output" : path;
    return `${name}: ${style.number(packets)} packets, ${style.number(bytes)} bytes${isWhole ? "" : ", not all of it written"}`;
  });
}
