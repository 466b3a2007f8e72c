// Messages for recvmmsg and sendmmsg in linear memory (recvmmsg(2), sendmmsg(2), include/linux/socket.h), whose fields are read and
// written as numbers: nothing is made for a datagram.
//
//     mmsghdr   0 name:64 | 8 name's length:32 | 16 parts:64 | 24 how many:64 | 32 control:64 | 40 its length:64 | 48 flags:32 | 56 length:32
//     iovec     0 address:64 | 8 length:64
//     cmsghdr   0 length:64 | 8 level:32 | 12 type:32 | 16 what it says: of SCM_TIMESTAMPNS seconds:64, nanoseconds:64
//     names     sockaddr_in, sockaddr_in6 (ip.ts)

import { constants } from "node:os";
import { AF_INET, AF_INET6 } from "./ip.js";
import { errno, libc, systemError } from "./libc.js";
import { MSG_DONTWAIT } from "./socket.js";

const MESSAGE = 64;
const PART = 16;
/** Of any family; `sockaddr_in6` has 28. */
const NAME = 32;
const NAME_LENGTHS = { 4: 16, 6: 28 } as const;
const CONTROL = 32;
const MSG_TRUNC = 0x20;
export const SO_TIMESTAMPNS = 35;
const WORDS = 4;

/** Bytes that the messages themselves take, for so many of them. */
export function messagesSize(count: number): number {
  return count * (MESSAGE + PART + NAME + CONTROL);
}

/** Linear memory as all of this sees it. */
export interface DatagramMemory {
  /** All of it. */
  readonly bytes: Uint8Array;
  /** Address in this process of what has offset 0. */
  readonly base: number;
}

/** Where datagrams are received into: places of one size, one behind another. Offsets are those in linear memory. */
export interface DatagramPlaces {
  /** Of the messages; `messagesSize` bytes, a multiple of 8. */
  readonly messages: number;
  /** Of the first datagram's first byte, and from there to the next one's. */
  readonly first: number;
  readonly stride: number;
  readonly count: number;
  /** Bytes of a datagram that are kept. */
  readonly longest: number;
}

export class DatagramBatch {
  readonly #words: Uint32Array;
  readonly #address: number;
  readonly #messages: number;
  readonly #names: number;
  readonly #controls: number;
  readonly #longest: number;

  constructor({ bytes, base }: DatagramMemory, places: DatagramPlaces) {
    const { messages, first, stride, count, longest } = places;
    const longs = new BigUint64Array(bytes.buffer);
    this.#words = new Uint32Array(bytes.buffer);
    this.#address = base + messages;
    this.#messages = messages;
    const parts = messages + count * MESSAGE;
    this.#names = parts + count * PART;
    this.#controls = this.#names + count * NAME;
    this.#longest = longest;
    for (let i = 0; i < count; i++) {
      const message = (messages + i * MESSAGE) >>> 3;
      const part = (parts + i * PART) >>> 3;
      longs[message] = BigInt(base + this.#names + i * NAME);
      longs[message + 2] = BigInt(base + parts + i * PART);
      longs[message + 3] = 1n;
      longs[message + 4] = BigInt(base + this.#controls + i * CONTROL);
      longs[part] = BigInt(base + first + i * stride);
      longs[part + 1] = BigInt(longest);
    }
  }

  /** Receives up to `most` datagrams into the places from `first` on, as many as have come. Gives how many. @throws SpangateError SYSTEM_CALL */
  receive(fd: number, first: number, most: number): number {
    for (let i = first; i < first + most; i++) {
      // What the kernel has written over the last time.
      const message = (this.#messages + i * MESSAGE) >>> 2;
      this.#words[message + 2] = NAME;
      this.#words[message + 10] = CONTROL;
    }
    const got = libc.recvmmsg(fd, this.#address + first * MESSAGE, most, MSG_DONTWAIT | MSG_TRUNC, null);
    if (got >= 0) return got;
    if (PASSING.has(errno())) return 0;
    throw systemError(errno(), "recvmmsg", "receive datagrams");
  }

  /** Bytes that the datagram had. */
  length(i: number): number {
    return this.#words[(this.#messages + i * MESSAGE + 56) >>> 2]!;
  }
  /** And that are kept. */
  kept(i: number): number {
    return Math.min(this.length(i), this.#longest);
  }
  /** Offset of the port that it came from, in network order. */
  portAt(i: number): number {
    return this.#names + i * NAME + 2;
  }
  /** Offset of the address that it came from, in network order. */
  addressAt(i: number, family: 4 | 6): number {
    return this.#names + i * NAME + (family === 4 ? 4 : 8);
  }
  /** Whether the kernel told when it came. */
  isTimed(i: number): boolean {
    const controlled = this.#words[(this.#messages + i * MESSAGE + 40) >>> 2]!;
    return controlled >= CONTROL && this.#words[(this.#controls + i * CONTROL + 12) >>> 2] === SO_TIMESTAMPNS;
  }
  /** Since 1970, modulo 2^32; and the rest. */
  seconds(i: number): number {
    return this.#words[(this.#controls + i * CONTROL + 16) >>> 2]!;
  }
  nanoseconds(i: number): number {
    return this.#words[(this.#controls + i * CONTROL + 24) >>> 2]!;
  }
}

// Nothing is there; a signal; no memory now. Errors of others' datagrams (ICMP) are told of connected sockets only.
const { EAGAIN, EINTR, ENOMEM, ENOBUFS } = constants.errno;
const PASSING = new Set([EAGAIN, EINTR, ENOMEM, ENOBUFS]);

/** Messages that somebody else has made for sendmmsg, with one part each, which is shortened to a datagram here and gets an address. */
export interface SendMessages {
  /** Offset of the first message, and of its part. */
  readonly messages: number;
  readonly parts: number;
  /** Offset of NAME_SIZE bytes for each. */
  readonly names: number;
}
export const NAME_SIZE = NAME;

export class DatagramsOut {
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #base: number;
  readonly #at: SendMessages;

  /** @param count messages that there may be */
  constructor({ bytes, base }: DatagramMemory, at: SendMessages, count: number) {
    this.#bytes = bytes;
    this.#words = new Uint32Array(bytes.buffer);
    this.#base = base;
    this.#at = at;
    const longs = new BigUint64Array(bytes.buffer);
    for (let i = 0; i < count; i++)
      longs[(at.messages + i * MESSAGE) >>> 3] = BigInt(base + at.names + i * NAME);
  }

  /** Offset of what message `i` would send. */
  part(i: number): number {
    const low = this.#words[(this.#at.parts + i * PART) >>> 2]!;
    return (low - this.#base) >>> 0; // both modulo 2^32, as offsets are less
  }

  /** Has message `i` send `length` bytes from offset `payload` on, to the port and the address at these offsets, both in network order. */
  address(i: number, payload: number, length: number, family: 4 | 6, port: number, address: number): void {
    const words = this.#words;
    const bytes = this.#bytes;
    const part = (this.#at.parts + i * PART) >>> 2;
    const where = this.#base + payload;
    words[part] = where >>> 0;
    words[part + 1] = Math.floor(where / 2 ** 32);
    words[part + 2] = length;
    words[part + 3] = 0;
    const name = this.#at.names + i * NAME;
    words[name >>> 2] = family === 4 ? AF_INET : AF_INET6;
    bytes[name + 2] = bytes[port]!;
    bytes[name + 3] = bytes[port + 1]!;
    words[(name >>> 2) + 1] = 0;
    const to = name + (family === 4 ? 4 : 8);
    for (let b = 0; b < WORDS * (family === 4 ? 1 : 4); b++) bytes[to + b] = bytes[address + b]!;
    if (family === 6) words[(name >>> 2) + 6] = 0; // no scope
    words[(this.#at.messages + i * MESSAGE + 8) >>> 2] = NAME_LENGTHS[family];
  }
}
