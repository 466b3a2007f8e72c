// Messages of netlink, and the attributes in them (netlink(7), include/uapi/linux/netlink.h):
//
//     message     0 length:32 | 4 type:16 | 6 flags:16 | 8 sequence:32 | 12 port:32 | 16 body
//     attribute   0 length:16 | 2 type:16 | 4 value
//
// Lengths count the header; what follows begins at the next multiple of 4. Numbers are in the machine's order, which is little
// endian wherever Spangate runs: WebAssembly's memory is, and rings lie in it.

const HEADER = 16;
const ATTRIBUTE_HEADER = 4;
/** Without NLA_F_NESTED and NLA_F_NET_BYTEORDER, which kernels set or not. */
const ATTRIBUTE_TYPE = 0x3fff;

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** A view of the buffer that was read: gone with the next read. */
  readonly body: Uint8Array;
}

const aligned = (length: number) => (length + 3) & ~3;

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The messages of one datagram. */
export function* messagesIn(datagram: Uint8Array): Generator<Message> {
  const view = viewOf(datagram);
  let at = 0;
  while (at + HEADER <= datagram.length) {
    const length = view.getUint32(at, true);
    if (length < HEADER || at + length > datagram.length) return;
    yield {
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      body: datagram.subarray(at + HEADER, at + length),
    };
    at += aligned(length);
  }
}

/** A message to the kernel. */
export function message(type: number, flags: number, sequence: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER + body.length);
  const view = viewOf(bytes);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  bytes.set(body, HEADER);
  return bytes;
}

/** The attributes that begin at `offset`, by type. Of a type that comes twice the last counts, as in the kernel's nla_parse. */
export function attributesAt(bytes: Uint8Array, offset: number): Map<number, Uint8Array> {
  const view = viewOf(bytes);
  const attributes = new Map<number, Uint8Array>();
  let at = offset;
  while (at + ATTRIBUTE_HEADER <= bytes.length) {
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER || at + length > bytes.length) break;
    const type = view.getUint16(at + 2, true) & ATTRIBUTE_TYPE;
    attributes.set(type, bytes.subarray(at + ATTRIBUTE_HEADER, at + length));
    at += aligned(length);
  }
  return attributes;
}

export function attribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(aligned(ATTRIBUTE_HEADER + value.length));
  const view = viewOf(bytes);
  view.setUint16(0, ATTRIBUTE_HEADER + value.length, true);
  view.setUint16(2, type, true);
  bytes.set(value, ATTRIBUTE_HEADER);
  return bytes;
}

export function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

/** The number that an attribute carries, 0 when it is absent. */
export function numberOf(value: Uint8Array | undefined): number {
  return value === undefined ? 0 : viewOf(value).getUint32(0, true);
}

/** The bytes of a string as the kernel wants it: with the NUL that ends it. */
export function zeroEnded(text: string): Uint8Array {
  return Buffer.from(`${text}\0`);
}

/** The string up to its NUL; empty when it is absent. */
export function textOf(value: Uint8Array | undefined): string {
  return value === undefined ? "" : Buffer.from(value).toString().split("\0", 1)[0]!;
}
