// Addresses between their three forms: bytes in a packet, canonical text (RFC 5952), and numbers for prefixes.

export function macText(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

export function parseMac(text: string): Uint8Array {
  return Uint8Array.from(text.split(":"), (byte) => Number.parseInt(byte, 16));
}

export function ipText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups: number[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(bytes[at]! * 0x100 + bytes[at + 1]!);
  const gap = longestZeroRun(groups);
  const text = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  return gap === undefined ? text(0, 8) : `${text(0, gap.from)}::${text(gap.to, 8)}`;
}

/** RFC 5952 4.2: the longest run of two or more zero groups, the first of equals. */
function longestZeroRun(groups: number[]): { from: number; to: number } | undefined {
  let best: { from: number; to: number } | undefined;
  for (let from = 0; from < 8; from++) {
    let to = from;
    while (to < 8 && groups[to] === 0) to++;
    if (to - from >= 2 && (best === undefined || to - from > best.to - best.from)) best = { from, to };
  }
  return best;
}

/** Bytes of an IPv4 or IPv6 address in text. */
export function parseIp(text: string): Uint8Array {
  if (!text.includes(":")) return Uint8Array.from(parseIpv4(text));
  let source = text;
  const dotted = source.slice(source.lastIndexOf(":") + 1);
  if (dotted.includes(".")) {
    const [a, b, c, d] = parseIpv4(dotted) as [number, number, number, number];
    const tail = `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
    source = source.slice(0, source.length - dotted.length) + tail;
  }
  const halves = source.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const [head = [], tail] = halves;
  const groups =
    tail === undefined ? head : [...head, ...new Array(8 - head.length - tail.length).fill("0"), ...tail];
  if (groups.length !== 8 || halves.length > 2) throw new Error(`not an IPv6 address: ${text}`);
  const bytes = new Uint8Array(16);
  groups.forEach((group, index) => {
    const value = Number.parseInt(group, 16);
    bytes[2 * index] = value >> 8;
    bytes[2 * index + 1] = value & 0xff;
  });
  return bytes;
}

function parseIpv4(text: string): number[] {
  const parts = text.split(".").map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255))) {
    throw new Error(`not an IPv4 address: ${text}`);
  }
  return parts;
}

export interface Prefix {
  /** Bits of an address of this family: 32 or 128. */
  width: number;
  length: number;
  value: bigint;
}

/** "10.0.0.0/8" or a bare address, which is a prefix of all its bits. */
export function parsePrefix(text: string): Prefix {
  const [address = "", length] = text.split("/");
  const bytes = parseIp(address);
  const width = bytes.length * 8;
  return { width, length: length === undefined ? width : Number(length), value: toNumber(bytes) };
}

export function toNumber(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

export function contains(prefix: Prefix, address: Uint8Array): boolean {
  if (address.length * 8 !== prefix.width) return false;
  const free = BigInt(prefix.width - prefix.length);
  return toNumber(address) >> free === prefix.value >> free;
}

export function isMac(text: string): boolean {
  return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text);
}
