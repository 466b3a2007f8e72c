// What a decoder holds in its hand: some bytes, where the next header starts, and the two ends that matter.
// Reading outside the bytes throws: the reference must never do it, and a test would see it.

/**
 * `end` is the frame end: the end of what was captured and of what the enclosing header declares, whichever is less.
 * `declared` is what the enclosing header declares alone; it may lie past the capture, never before `end`.
 */
export interface Region {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly end: number;
  readonly declared: number;
}

export function fits(region: Region, length: number): boolean {
  return region.at + length <= region.end;
}

export function skip(region: Region, length: number): Region {
  return { bytes: region.bytes, at: region.at + length, end: region.end, declared: region.declared };
}

/** The same start with another declared end; what was captured past it is padding. */
export function declare(region: Region, declared: number): Region {
  return { bytes: region.bytes, at: region.at, end: Math.min(region.end, declared), declared };
}

/** Every declared byte was captured. */
export function whole(region: Region): boolean {
  return region.end >= region.declared;
}

/** Bytes of their own: the `slice` of a Node Buffer shares memory with it. */
export function copy(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

/** Bytes captured from the next header on. */
export function captured(region: Region): Uint8Array {
  return region.bytes.subarray(region.at, region.end);
}

export function u8(bytes: Uint8Array, at: number): number {
  const value = bytes[at];
  if (value === undefined) throw new RangeError(`byte ${at} of ${bytes.length}`);
  return value;
}

export function u16(bytes: Uint8Array, at: number): number {
  return u8(bytes, at) * 0x100 + u8(bytes, at + 1);
}

export function u24(bytes: Uint8Array, at: number): number {
  return u16(bytes, at) * 0x100 + u8(bytes, at + 2);
}

export function u32(bytes: Uint8Array, at: number): number {
  return u16(bytes, at) * 0x10000 + u16(bytes, at + 2);
}

export function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = (value >> 8) & 0xff;
  bytes[at + 1] = value & 0xff;
}

/** RFC 1071: the folded one's complement sum of 16-bit words, an odd last byte padded with zero. */
export function onesComplementSum(bytes: Uint8Array, from: number, to: number): number {
  let sum = 0;
  for (let at = from; at < to; at += 2) {
    sum += u8(bytes, at) * 0x100 + (at + 1 < to ? u8(bytes, at + 1) : 0);
  }
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return sum;
}
