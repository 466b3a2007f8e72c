// The Internet checksum (RFC 1071). Summed in the machine's byte order: the ones' complement sum does not mind, as
// long as the result is compared or stored in the same order (RFC 1071, 2(B)).

/** Ones' complement sum of `length` bytes at `p`, folded to 16 bits. A region with a correct checksum sums to 0xffff. */
export function sum(p: usize, length: usize): u32 {
  let total: u64 = 0;
  const end = p + length;
  for (; p + 8 <= end; p += 8) {
    const word = load<u64>(p);
    total += (word & 0xffffffff) + (word >> 32);
  }
  for (; p + 2 <= end; p += 2) total += load<u16>(p);
  if (p < end) total += load<u8>(p);
  return fold(total);
}

/** A sum of up to 48 bits in 16. */
export function fold(total: u64): u32 {
  total = (total & 0xffffffff) + (total >> 32);
  total = (total & 0xffff) + ((total >> 16) & 0xffff) + (total >> 32);
  total = (total & 0xffff) + (total >> 16);
  return <u32>((total & 0xffff) + (total >> 16));
}

/** Two 16-bit words, side by side in `words`, added to a sum. */
export function add(sum: u32, words: u32): u32 {
  return fold(<u64>sum + (words & 0xffff) + (words >> 16));
}

/** The checksum that makes a region of sum `sum`, itself 0 in it, correct. */
export function complement(sum: u32): u32 {
  return ~sum & 0xffff;
}

/** What replacing the `length` bytes (even) at `from` by those at `to` does to a sum: ~m + m' of RFC 1624 (3). */
export function difference(from: usize, to: usize, length: usize): u32 {
  let total: u64 = 0;
  for (let i: usize = 0; i < length; i += 2) {
    total += (~(<u32>load<u16>(from + i)) & 0xffff) + <u32>load<u16>(to + i);
  }
  return fold(total);
}

/** Applies a difference to the checksum field at `field`: HC' = ~(~HC + ~m + m'), RFC 1624 (3). Gives it. */
export function update(field: usize, difference: u32): u32 {
  const changed = complement(fold(<u64>complement(load<u16>(field)) + difference));
  store<u16>(field, <u16>changed);
  return changed;
}
