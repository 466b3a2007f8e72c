// Addresses as the engine keeps them, 16 bytes with IPv4 as ::ffff:a.b.c.d, in text.

/** `10.77.0.2`, or with `ipv6` the form of RFC 5952. */
export function addressText(bytes: Uint8Array, ipv6: boolean): string {
  if (!ipv6) return bytes.slice(12, 16).join(".");
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i]! << 8) | bytes[i + 1]!).toString(16));
  return compress(groups);
}

/** Replaces the longest run of two or more zero groups, the first of equals (RFC 5952 4.2). */
function compress(groups: readonly string[]): string {
  let start = 0;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (groups[i + run] === "0") run++;
    if (run > length) [start, length] = [i, run];
  }
  if (length < 2) return groups.join(":");
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`;
}
