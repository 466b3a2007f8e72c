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
  total = (total & 0xffffffff) + (total >> 32);
  total = (total & 0xffff) + ((total >> 16) & 0xffff) + (total >> 32);
  total = (total & 0xffff) + (total >> 16);
  return <u32>((total & 0xffff) + (total >> 16));
}
