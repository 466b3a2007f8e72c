// A header in a line: its offset, its name, its fields in the words of the field; and lines broken between words.

import type { Fields, FieldValue } from "./fields.js";
import type { HeaderRecord } from "./inner.js";
import { etherTypeText, gpeProtocolText, ipProtocolText } from "./numbers.js";

/** How parts of the text are coloured; each function gives its argument back where nothing is. */
export interface Paint {
  title(text: string): string;
  quiet(text: string): string;
  good(text: string): string;
  bad(text: string): string;
}

/** Columns in front of what belongs to a packet. */
export const INDENT = 7;
const NAME = 22;

/** @param width columns after which lines are broken */
export function headerText(
  { name, offset, length, fields }: HeaderRecord,
  paint: Paint,
  width: number,
): string {
  const inner = name.startsWith("inner ") && name !== "inner frame";
  const shown = inner ? `  ${name.slice("inner ".length)}` : name;
  const text = isWhole(name) ? `${length} bytes` : fieldsText(name, fields);
  const hanging = " ".repeat(INDENT + 2 + NAME);
  const room = width - hanging.length;
  return `${paint.quiet(String(offset).padStart(INDENT))}  ${shown.padEnd(NAME)}${wrap(text, room, room, hanging)}`.trimEnd();
}

function isWhole(name: string): boolean {
  return name === "inner frame" || name === "reassembled datagram";
}

function fieldsText(name: string, fields: Fields): string {
  const parts: string[] = [];
  const pair = (from: string, to: string, join: string) => {
    if (fields[from] !== undefined) parts.push(`${fields[from]}${join}${fields[to]}`);
  };
  pair("source", "destination", " -> ");
  pair("sourcePort", "destinationPort", " -> ");
  for (const [field, value] of Object.entries(fields)) {
    if (PAIRED.has(field) || value === undefined || value === false || value === "") continue;
    if (field === "version" || USUAL[field] === value) continue;
    parts.push(fieldText(name, field, value));
  }
  return parts.join(", ");
}

const PAIRED = new Set(["source", "destination", "sourcePort", "destinationPort"]);
/** Values that say nothing new. A version that is not the usual one has no header line: the parser stops there. */
const USUAL: Readonly<Record<string, FieldValue>> = {
  fragmentOffset: 0,
  trafficClass: 0,
  flowLabel: 0,
  offset: 0,
  headerLength: 20,
};

/** Fields whose numbers mean something. */
const MEANINGS: Readonly<Record<string, (value: number) => string>> = {
  en: (value) => `En ${value} (${["untagged", "ISL", "802.1Q", "tag still in the frame"][value]})`,
  bso: (value) => `BSO ${value} (${["good or unknown", "bad", "short", "oversized"][value]})`,
  frameType: (value) => `frame type ${value} (${{ 0: "Ethernet", 2: "IP" }[value] ?? "not decoded"})`,
  direction: (value) => `direction ${value} (${value === 0 ? "in" : "out"})`,
  granularity: (value) => `granularity ${value} (${["100 us", "100 ns", "1588", "platform's own"][value]})`,
  nextHeader: (value) => `next header ${ipProtocolText(value)}`,
};

function fieldText(header: string, field: string, value: FieldValue): string {
  if (typeof value === "number" && MEANINGS[field] !== undefined) return MEANINGS[field](value);
  if (field === "type" && typeof value === "string") return `type ${etherTypeText(Number(value))}`;
  if (field === "protocol") return `protocol ${protocolText(header, value)}`;
  if (field === "nextProtocol") return `next protocol ${gpeProtocolText(Number(value))}`;
  if (field === "operation") return { 1: "request", 2: "reply" }[Number(value)] ?? `operation ${value}`;
  const name = field.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  if (value === true) return name;
  if (Array.isArray(value))
    return value.length === 0 ? `no ${name}` : `${name} ${value.map(listed).join(" ")}`;
  return `${LABELS[field] ?? name} ${value}`;
}

const LABELS: Readonly<Record<string, string>> = {
  vlan: "VLAN",
  vid: "VID",
  cos: "COS",
  vni: "VNI",
  ttl: "TTL",
  identification: "id",
  senderMac: "sender MAC",
  targetMac: "target MAC",
};

function protocolText(header: string, value: FieldValue): string {
  if (typeof value === "string") return etherTypeText(Number(value));
  if (header === "TZSP") return value === 1 ? "1 (Ethernet)" : String(value);
  return ipProtocolText(Number(value));
}

/** An option or a tag. */
function listed(value: FieldValue): string {
  const entries = Object.entries(value as Fields).filter(([, part]) => part !== false && part !== "");
  return `[${entries.map(([name, part]) => (part === true ? name : `${name} ${part}`)).join(" ")}]`;
}

/** Breaks text between words: the first line has `first` columns, the others `rest` behind `indent`. */
export function wrap(text: string, first: number, rest: number, indent: string): string {
  if (text.length <= first) return text;
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const room = lines.length === 0 ? first : rest;
    if (line !== "" && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join(`\n${indent}`);
}
