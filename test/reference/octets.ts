// Bytes put together, in network order.

export type Bytes = ArrayLike<number>;

export function join(...parts: Bytes[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function be16(value: number): number[] {
  return [(value >> 8) & 0xff, value & 0xff];
}

export function be24(value: number): number[] {
  return [(value >> 16) & 0xff, ...be16(value)];
}

export function be32(value: number): number[] {
  return [...be16(value >>> 16), ...be16(value)];
}
