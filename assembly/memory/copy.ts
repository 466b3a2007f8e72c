// Copying a frame's bytes. Packets are short: a few vector moves beat the call that memory.copy is.

const LONG: usize = 512;

export function copyBytes(to: usize, from: usize, length: usize): void {
  if (length > LONG) {
    memory.copy(to, from, length);
    return;
  }
  if (length >= 16) {
    const last = length - 16;
    for (let i: usize = 0; i < last; i += 16) v128.store(to + i, v128.load(from + i));
    v128.store(to + last, v128.load(from + last)); // overlaps the one before it, and so needs no tail
    return;
  }
  for (let i: usize = 0; i < length; i++) store<u8>(to + i, load<u8>(from + i));
}
