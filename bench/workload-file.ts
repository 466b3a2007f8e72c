// The file that a scenario goes to the yardstick in. bench/native/workload.c reads the same, in the same order.

import { closeSync, openSync, writeSync } from "node:fs";
import * as at from "../assembly/memory/layout.js";
import { ENCAPSULATIONS } from "../src/engine/index.js";
import type { ArrivingFrame, Image, Scenario } from "./race.js";

const MAGIC = 0x6b64_7279;
const VERSION = 1;
const NONE = 0xffff_ffff;
const TENANT_ENTRY = 48;
const SNIFFER_ENTRY = 96;
const FRAME_ENTRY = 24;
const ETHERNET = 1;

const RESTORE = { auto: at.RESTORE_AUTO, always: at.RESTORE_ALWAYS, never: at.RESTORE_NEVER };

/** Writes `scenario` to `path`. */
export function writeScenario(path: string, scenario: Scenario): void {
  const file = openSync(path, "w");
  try {
    const write = (bytes: Uint8Array) => {
      for (let from = 0; from < bytes.length; ) from += writeSync(file, bytes, from);
    };
    const { time, quantum, inFlight, options, slots, image, frames } = scenario;
    write(words(MAGIC, VERSION));
    write(longWords(time.first, time.step));
    write(words(quantum, inFlight));
    writeOptions(write, options);
    write(words(options.sessions, slots.stride, slots.headroom, slots.count, slots.reserved));
    writeMap(write, image);
    writeFrames(write, frames);
  } finally {
    closeSync(file);
  }
}

type Write = (bytes: Uint8Array) => void;

function words(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

function longWords(...values: bigint[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(values).buffer);
}

function writeOptions(write: Write, { decode, ports }: Scenario["options"]): void {
  if (decode.depth !== 1 || decode.sequenceScope !== "session")
    throw new Error("the yardstick takes one tunnel off, and counts sequences by session");
  const seeds = crypto.getRandomValues(new BigUint64Array(at.SEEDS));
  write(new Uint8Array(seeds.map((seed) => seed | 1n).buffer));
  const flags = (decode.checksums === "verify" ? at.FLAG_VERIFY : 0) | (decode.lenient ? at.FLAG_LENIENT : 0);
  write(words(flags, RESTORE[decode.restoreVlan], decode.greEthernet.length));
  const greEthernet = new Uint16Array(at.GRE_ETHERNET_MAX);
  greEthernet.set(decode.greEthernet);
  write(new Uint8Array(greEthernet.buffer));
  const table = new Uint8Array(65_536);
  for (const [name, list] of Object.entries(ports)) {
    const encapsulation = ENCAPSULATIONS.indexOf(name as keyof typeof ports);
    for (const port of list) table[port] = encapsulation;
  }
  write(table);
}

function writeMap(write: Write, image: Image | undefined): void {
  if (image === undefined) {
    write(words(0, 0, 0, 0, 0)); // no map, no keys, no shapes
    write(words(0, 0)); // no sniffers, no cells
    write(words(0, 0, 0)); // no tenants
    return;
  }
  const { slots, identityShapes, flags, loopAddresses } = image;
  write(words(1, flags, loopAddresses, slots.length / at.KEY_SIZE, identityShapes.length / at.SHAPE_SIZE));
  write(slots);
  write(identityShapes);
  writeSniffers(write, image);
  writeTenants(write, image);
}

/** Of all cells, those of destinations first, then tenants', then sniffers'; from 1, and 0 for none. */
function cellNumber(number: number, before: number): number {
  return number === 0 ? 0 : before + number;
}

function writeSniffers(write: Write, { sniffers, sniffersOfRecords, queues, cells }: Image): void {
  const { destinations, tenants } = cells;
  write(words(queues.length, destinations.length + tenants.length + cells.sniffers.length));
  const bytes = new Uint8Array(queues.length * SNIFFER_ENTRY);
  const to = new DataView(bytes.buffer);
  const from = new DataView(sniffers.buffer, sniffers.byteOffset, sniffers.length);
  for (const [i, { queue, overflow }] of queues.entries()) {
    const entry = i * SNIFFER_ENTRY;
    to.setUint32(entry + 4, queue, true);
    to.setUint32(entry + 40, overflow === "drop-oldest" ? at.QUEUE_DROP_OLDEST : 0, true);
  }
  for (const [i, number] of sniffersOfRecords.entries()) {
    const entry = number * SNIFFER_ENTRY;
    const record = i * at.SNIFFER_SIZE;
    const copy = (place: number, field: number, length: number) =>
      bytes.set(sniffers.subarray(record + field, record + field + length), entry + place);
    const copyWord = (place: number, field: number) =>
      to.setUint32(entry + place, from.getUint32(record + field, true), true);
    copy(0, at.SNIFFER_MODE, 1);
    copy(1, at.SNIFFER_FIT, 1);
    copy(2, at.SNIFFER_FLAGS, 2);
    copy(8, at.SNIFFER_DESTINATION_MAC, 6);
    copy(14, at.SNIFFER_VLAN, 2);
    copy(16, at.SNIFFER_SOURCE_MAC, 6);
    copy(22, at.SNIFFER_PORT, 2);
    copyWord(24, at.SNIFFER_MTU);
    copyWord(28, at.SNIFFER_ID);
    copyWord(32, at.SNIFFER_INDEX);
    copyWord(36, at.SNIFFER_STATE);
    const bucket = from.getUint32(record + at.SNIFFER_BUCKET, true);
    to.setUint32(entry + 44, cellNumber(bucket, destinations.length + tenants.length), true);
    copy(48, at.SNIFFER_SOURCE, 16);
    copy(64, at.SNIFFER_ADDRESS, 16);
    copy(80, at.SNIFFER_COST, 8);
    copy(88, at.SNIFFER_BURST, 8);
  }
  write(bytes);
}

function writeTenants(write: Write, { tenants, sniffersOfTenants, balance, cells }: Image): void {
  const count = tenants.length / at.TENANT_SIZE;
  write(words(sniffersOfTenants.length, balance.length, count));
  write(new Uint8Array(sniffersOfTenants.buffer, sniffersOfTenants.byteOffset, sniffersOfTenants.byteLength));
  write(new Uint8Array(balance.buffer, balance.byteOffset, balance.byteLength));
  const from = new Uint32Array(tenants.buffer, tenants.byteOffset, tenants.length / 4);
  const to = new Uint32Array(count * (TENANT_ENTRY / 4));
  for (let t = 0; t < count; t++) {
    const entry = t * (TENANT_ENTRY / 4);
    const word = (field: number) => from[(t * at.TENANT_SIZE + field) / 4]!;
    to[entry] = word(at.TENANT_FLAGS);
    to[entry + 1] = word(at.TENANT_SNAPLEN);
    to[entry + 2] = word(at.TENANT_SNIFFERS);
    to[entry + 3] = word(at.TENANT_SNIFFER_COUNT);
    to[entry + 4] = word(at.TENANT_BALANCE) === 0 ? NONE : word(at.TENANT_BALANCE) - 1;
    to[entry + 5] = word(at.TENANT_BALANCE_MASK);
    to[entry + 6] = cellNumber(word(at.TENANT_BUCKET), cells.destinations.length);
    for (let i = 0; i < 4; i++) to[entry + 8 + i] = word(at.TENANT_COST + i * 4);
  }
  write(new Uint8Array(to.buffer));
}

function writeFrames(write: Write, frames: readonly ArrivingFrame[]): void {
  const entries = new Uint32Array(frames.length * (FRAME_ENTRY / 4));
  let total = 0;
  for (const [i, { bytes, originalLength, linkType, sequence }] of frames.entries()) {
    const entry = i * (FRAME_ENTRY / 4);
    entries[entry] = bytes.length;
    entries[entry + 1] = originalLength ?? bytes.length;
    entries[entry + 2] = linkType ?? ETHERNET;
    entries[entry + 3] = sequence?.at ?? 0;
    entries[entry + 4] = sequence?.first ?? 0;
    entries[entry + 5] = sequence?.step ?? 0;
    total += bytes.length;
  }
  write(words(frames.length));
  write(new Uint8Array(entries.buffer));
  const all = new Uint8Array(total);
  let place = 0;
  for (const { bytes } of frames) {
    all.set(bytes, place);
    place += bytes.length;
  }
  write(all);
}
