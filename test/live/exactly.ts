// Whether what arrived is what was sent: each frame once, byte for byte, and nobody else's.

import { parseMac } from "../reference/address.js";
import { join } from "../reference/octets.js";
import { numberOf } from "./tenant-frames.js";

const SHOWN = 5;

export interface Expected {
  /** Also in this order, among the frames of one kind from one machine: what a switch, which may sort by flow, keeps. */
  readonly ordered?: boolean;
}

/**
 * Throws unless the frames that arrived are those that were sent, and says of the first few what is wrong: another tenant's frame,
 * one that is changed, missing, or there too often.
 */
export function expectExactly(
  arrived: readonly Uint8Array[],
  sent: readonly Uint8Array[],
  where: string,
  { ordered = true }: Expected = {},
): void {
  const missing = new Map<string, number>();
  for (const frame of sent) add(missing, hex(frame), 1);
  const ours = new Map(sent.map((frame) => [nameOf(frame), hex(frame)]));
  const faults: string[] = [];
  const tenants = new Set(sent.map((frame) => numberOf(frame)?.tenant));
  const last = new Map<string, number>();
  for (const frame of arrived) {
    const bytes = hex(frame);
    const number = numberOf(frame);
    const left = missing.get(bytes) ?? 0;
    if (left > 0) missing.set(bytes, left - 1);
    else if (number !== undefined && !tenants.has(number.tenant)) faults.push(`FOREIGN ${nameOf(frame)}`);
    else if (missing.has(bytes)) faults.push(`${nameOf(frame)} once more`);
    else
      faults.push(
        `${nameOf(frame)} not as it was sent:\n  ${bytes}\n  ${ours.get(nameOf(frame)) ?? "never sent"}`,
      );
    if (!ordered || number === undefined) continue;
    const flow = `${number.tenant} ${number.machine} ${number.kind}`;
    if (number.counter < (last.get(flow) ?? -1)) faults.push(`${nameOf(frame)} out of order`);
    last.set(flow, number.counter);
  }
  const lost = sent.filter((frame) => (missing.get(hex(frame)) ?? 0) > 0);
  faults.push(...lost.map((frame) => `${nameOf(frame)} missing`));
  if (faults.length === 0) return;
  const first = faults.slice(0, SHOWN).join("\n");
  throw new Error(`${where}: ${arrived.length} frames of ${sent.length}, ${faults.length} faults:\n${first}`);
}

/** The frames as delivery by MAC sends them: to this address, all else untouched. */
export function addressedTo(mac: string, frames: readonly Uint8Array[]): Uint8Array[] {
  return frames.map((frame) => join(parseMac(mac), frame.subarray(6)));
}

function nameOf(frame: Uint8Array): string {
  const number = numberOf(frame);
  if (number === undefined) return `a frame of ${frame.length} bytes`;
  return `tenant ${number.tenant}'s frame ${number.counter} (${number.kind}, machine ${number.machine})`;
}

function add(counts: Map<string, number>, key: string, more: number): void {
  counts.set(key, (counts.get(key) ?? 0) + more);
}

export const hex = (frame: Uint8Array) =>
  Buffer.from(frame.buffer, frame.byteOffset, frame.length).toString("hex");
