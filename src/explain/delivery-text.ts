// What each sniffer gets of a packet, for people: a few lines each. Sniffers that get the same share them.

import type { Change, Cut, DeliveryRecord, WireFrame } from "./delivery-record.js";
import type { Fields } from "./fields.js";
import { headerText, INDENT, type Paint, wrap } from "./header-text.js";
import type { HeaderRecord } from "./inner.js";
import type { PacketRecord } from "./record.js";

/** IP fragments whose places are listed. */
const LISTED = 4;

/** Lines behind the verdict; none where the verdict's reason said it all. */
export function deliveryLines(
  { deliveries = [], verdict }: PacketRecord,
  paint: Paint,
  width: number,
  whole: boolean,
): string[] {
  if (verdict !== "delivered" && deliveries.length === 1) return [];
  const lines: string[] = [];
  for (const { delivery, names } of groupsOf(deliveries)) {
    const { headers, verdict, way } = delivery;
    const isRefused = verdict !== "delivered";
    const to = `${isRefused ? "not to" : "to"} ${names.join(", ")}`;
    const text = `(${way}): ${isRefused ? `${verdict}: ${delivery.reason}` : deliveryText(delivery, !whole)}`;
    const wrapped = wrap(text, width - to.length - 3, width - INDENT, " ".repeat(INDENT));
    lines.push(`  ${isRefused ? paint.bad(to) : paint.good(to)} ${wrapped}`);
    if (whole) for (const header of headers) lines.push(headerText(header, paint, width));
  }
  return lines;
}

interface Group {
  readonly delivery: DeliveryRecord;
  readonly names: string[];
}

/** Neighbours in the list of which the same is to be told. */
function groupsOf(deliveries: readonly DeliveryRecord[]): Group[] {
  const groups: Group[] = [];
  for (const delivery of deliveries) {
    const last = groups.at(-1);
    if (last !== undefined && isSame(last.delivery, delivery)) last.names.push(delivery.sniffer);
    else groups.push({ delivery, names: [delivery.sniffer] });
  }
  return groups;
}

function isSame(a: DeliveryRecord, b: DeliveryRecord): boolean {
  return a.way === b.way && JSON.stringify({ ...a, sniffer: "" }) === JSON.stringify({ ...b, sniffer: "" });
}

/** @param brief headers in front in a few words; without, only how many bytes they are */
function deliveryText(delivery: DeliveryRecord, brief: boolean): string {
  const { deliver, frames, cuts, changes, headers } = delivery;
  const parts = [framesText(frames), ...cuts.map((cut) => cutText(cut, headers))];
  if (headers.length > 0) {
    const padding = paddingText(frames);
    if (padding !== "") parts.push(padding);
    const front = `${headers.at(-1)!.offset} bytes in front`;
    return `${[...parts, front].join(", ")}${brief ? `: ${headers.flatMap(headerWords).join(", ")}` : ":"}`;
  }
  if (deliver === "mac" || deliver === "ip") {
    parts.push(...changes.map(changeText));
    if (deliver === "ip" && !changes.some(({ field }) => field === "destination IP"))
      parts.push("the destination IP left as it is");
    const padding = paddingText(frames);
    return (padding === "" ? parts : [...parts, padding]).join(", ");
  }
  return `${parts.join(", ")} as decoded`;
}

function framesText(frames: readonly WireFrame[]): string {
  if (frames.length === 1) return `${frames[0]!.length} bytes`;
  const places = frames.map(({ dataLength, fragmentOffset }) => `${dataLength} bytes at ${fragmentOffset}`);
  const listed = places.length <= LISTED ? places : [...places.slice(0, LISTED - 1), "...", places.at(-1)!];
  return `${frames.length} IP fragments (${listed.join(", ")})`;
}

function cutText({ by, from, to }: Cut, headers: readonly HeaderRecord[]): string {
  if (by === "snaplen") return `the first ${to} of ${from} bytes by snaplen`;
  const isMarked = headers.some(({ fields }) => fields.truncated === true);
  return `cut from ${from} to ${to} bytes to fit the MTU${isMarked ? " (T set)" : ""}`;
}

function changeText({ field, before, after }: Change): string {
  return before === undefined ? `${field} ${after} pushed` : `${field} ${before} -> ${after}`;
}

function paddingText(frames: readonly WireFrame[]): string {
  const padding = frames.reduce((bytes, frame) => bytes + (frame.padding ?? 0), 0);
  return padding === 0 ? "" : `${padding} bytes of padding`;
}

/** The fields of a header that tell one packet from another; nothing for Ethernet and the frame itself. */
function headerWords({ name, fields }: HeaderRecord): string[] {
  const words = WORDS.flatMap(([field, word]) => (fields[field] === undefined ? [] : [word(fields)]));
  return words.length === 0 || name === "Ethernet" ? [] : [`${name} ${words.join(" ")}`];
}

const WORDS: readonly (readonly [string, (fields: Fields) => string])[] = [
  ["source", ({ source, destination }) => `${source} -> ${destination}`],
  ["sourcePort", ({ sourcePort, destinationPort }) => `${sourcePort} -> ${destinationPort}`],
  ["vid", ({ vid }) => `${vid}`],
  ["vni", ({ vni }) => `VNI ${vni}`],
  ["key", ({ key }) => `key ${key}`],
  ["session", ({ session }) => `session ${session}`],
  ["sequence", ({ sequence }) => `sequence ${sequence}`],
];
