// A tiny reader of classic capture files: either byte order, microseconds or nanoseconds.

import { copy } from "./region.js";

export interface CapturedPacket {
  frame: Uint8Array;
  originalLength: number;
  /** Nanoseconds since the epoch. */
  time: bigint;
  linkType: number;
}

export function readPcap(file: Uint8Array): CapturedPacket[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const magic = view.getUint32(0, true);
  const little = magic === 0xa1b2c3d4 || magic === 0xa1b23c4d;
  const big = magic === 0xd4c3b2a1 || magic === 0x4d3cb2a1;
  if (!little && !big) throw new Error(`not a capture file: ${magic.toString(16)}`);
  const fraction = magic === 0xa1b23c4d || magic === 0x4d3cb2a1 ? 1n : 1000n;
  const linkType = view.getUint32(20, little) & 0xffff;
  const packets: CapturedPacket[] = [];
  for (let at = 24; at + 16 <= file.length; ) {
    const seconds = BigInt(view.getUint32(at, little));
    const time = seconds * 1_000_000_000n + BigInt(view.getUint32(at + 4, little)) * fraction;
    const length = view.getUint32(at + 8, little);
    const originalLength = view.getUint32(at + 12, little);
    packets.push({ frame: copy(file.subarray(at + 16, at + 16 + length)), originalLength, time, linkType });
    at += 16 + length;
  }
  return packets;
}
