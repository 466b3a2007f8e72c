// A packet's record for people: a line a header with its offset, then the verdict, then what each sniffer gets.

import { deliveryLines } from "./delivery-text.js";
import { headerText, INDENT, type Paint, wrap } from "./header-text.js";
import type { PacketRecord } from "./record.js";

/**
 * @param width columns after which lines are broken
 * @param whole headers that delivery puts in front are told a line each, not in a few words
 */
export function recordText(record: PacketRecord, paint: Paint, width: number, whole = false): string {
  const { packet, capturedLength, frameLength, verdict, headers } = record;
  const cut = capturedLength === frameLength ? "" : `, ${capturedLength} captured`;
  const lines = [
    `${paint.title(`packet ${packet}`)}  ${paint.quiet(timeText(record.timestamp))}  ${frameLength} bytes${cut}`,
  ];
  let inDatagram = false;
  for (const header of headers) {
    if (header.datagram && !inDatagram) {
      lines.push(paint.quiet(`${" ".repeat(INDENT)}offsets from here on are in the reassembled datagram`));
      inDatagram = true;
    }
    lines.push(headerText(header, paint, width));
  }
  const painted = verdict === "delivered" || verdict === "reassembled" ? paint.good : paint.bad;
  const reason = wrap(record.reason, width - verdict.length - 4, width - INDENT, " ".repeat(INDENT));
  lines.push(`  ${painted(verdict)}: ${reason}`);
  lines.push(...deliveryLines(record, paint, width, whole));
  return `${lines.join("\n")}\n\n`;
}

/** `2023-11-14 22:13:20.000000001` UTC, of seconds with 9 decimals. */
function timeText(timestamp: string): string {
  const [seconds = "0", fraction = ""] = timestamp.split(".");
  const date = new Date(Number(seconds) * 1000).toISOString();
  return `${date.slice(0, -5).replace("T", " ")}.${fraction}`;
}
