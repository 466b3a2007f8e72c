// Big-endian reads and writes: the only file that knows the network's byte order. None of these checks a bound.

export function get8(p: usize): u32 {
  return load<u8>(p);
}
export function get16(p: usize): u32 {
  return bswap<u16>(load<u16>(p));
}
export function get24(p: usize): u32 {
  return (get16(p) << 8) | get8(p + 2);
}
export function get32(p: usize): u32 {
  return bswap<u32>(load<u32>(p));
}
export function put32(p: usize, value: u32): void {
  store<u32>(p, bswap<u32>(value));
}
export function put24(p: usize, value: u32): void {
  store<u8>(p, <u8>(value >> 16));
  put16(p + 1, value);
}
export function put16(p: usize, value: u32): void {
  store<u16>(p, bswap<u16>(<u16>value));
}
