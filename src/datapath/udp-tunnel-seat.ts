// A worker's seat at UDP sockets: datagrams are received into a block like AF_PACKET's, each in a place of its own, and get headers in front
// there, of Ethernet, IP and UDP, from the two ends that the socket knows. So the engine sees whole frames: identities, sessions and
// explanations are as with every other backend. Addresses of Ethernet are those of nobody.

import * as sockets from "../../assembly/memory/sockets.js";
import type { Receiver } from "../capture/live.js";
import { approximateTime } from "../capture/system-time.js";
import type { EngineThread } from "../engine/index.js";
import { DatagramBatch, type DatagramPlaces, ReadySet } from "../linux/index.js";

export interface UdpTunnelSeat {
  readonly kind: "udp";
  /** Ready when one of the sockets is. */
  readonly fd: number;
  readonly sockets: readonly UdpEnd[];
  /** Where linear memory begins in this process. */
  readonly base: number;
  /** Address of the ring for the engine, of its only block, and where datagrams are received into. */
  readonly ring: number;
  readonly block: number;
  readonly places: DatagramPlaces;
  /** MAC address of the interface. */
  readonly mac: Uint8Array;
}

/** A socket and the address and port that it is bound to. */
export interface UdpEnd {
  readonly fd: number;
  readonly family: 4 | 6;
  readonly address: Uint8Array;
  readonly port: number;
}

/** Sockets that are looked at before it is the other ones' turn. */
const TURN = 16;
const ETHERNET = 14;
const UDP = 8;
const IP_LENGTHS = { 4: 20, 6: 40 } as const;
const ETHER_TYPES = { 4: 0x0800, 6: 0x86dd } as const;
const PROTOCOL = 17;
const TTL = 64;
const DONT_FRAGMENT = 0x4000;
/** Bytes in front of the first byte of a datagram: what the kernel writes before a frame, and the longest headers (62), to a multiple of 8. */
export const FRONT = sockets.ARRIVED_HEADER + 64;
const UNKNOWN_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const NOBODY = -1;

export class UdpReceiver implements Receiver {
  readonly fd: number;
  readonly #engine: EngineThread;
  readonly #seat: UdpTunnelSeat;
  readonly #ready: ReadySet;
  readonly #batch: DatagramBatch;
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  /** By socket: its headers as they are before anything is known of a datagram, and what the words of the IPv4 header sum to. */
  readonly #templates: readonly Uint8Array[];
  readonly #sums: readonly number[];
  /** By place: whose headers stand there. */
  readonly #written: Int32Array;

  constructor(engine: EngineThread, seat: UdpTunnelSeat) {
    const { fd, base, places, mac } = seat;
    this.fd = fd;
    this.#engine = engine;
    this.#seat = seat;
    this.#ready = new ReadySet(fd, TURN);
    this.#bytes = engine.bytes;
    this.#words = new Uint32Array(engine.bytes.buffer);
    this.#batch = new DatagramBatch({ bytes: engine.bytes, base }, places);
    this.#templates = seat.sockets.map((end) => templateOf(end, mac));
    this.#sums = this.#templates.map((headers) =>
      sumOf(headers.subarray(ETHERNET, ETHERNET + IP_LENGTHS[4])),
    );
    this.#written = new Int32Array(places.count).fill(NOBODY);
  }

  receive(): number {
    const { ring, block } = this.#seat;
    // What is left of the block: it was longer than a batch, or there was no slot.
    const left = this.#engine.receivePackets(ring);
    if (left > 0 || this.#words[(block + sockets.BLOCK_STATUS) >>> 2] !== sockets.BLOCK_KERNEL) return left;
    return this.#fill() === 0 ? 0 : this.#engine.receivePackets(ring);
  }

  /** Blocks go back as they are emptied. */
  refill(): void {}
  /** It looks at every socket that is ready anyway. */
  woken(): void {}

  /** Receives what has come into the block. Gives how many datagrams. */
  #fill(): number {
    const ready = this.#ready.look();
    if (ready === 0) return 0;
    const { places, block } = this.#seat;
    let count = 0;
    for (let i = 0; i < ready; i++) {
      const socket = this.#ready.at(i);
      // What one leaves is the next one's, and no busy one takes another's.
      const most = Math.ceil((places.count - count) / (ready - i));
      const got = this.#batch.receive(this.#seat.sockets[socket]!.fd, count, most);
      const time = got > 0 ? approximateTime() : 0;
      for (let place = count; place < count + got; place++) this.#announce(place, socket, time);
      count += got;
    }
    if (count === 0) return 0;
    const first = places.first - FRONT;
    this.#words[(block + sockets.BLOCK_FRAMES) >>> 2] = count;
    this.#words[(block + sockets.BLOCK_FIRST) >>> 2] = first - block;
    this.#words[(block + sockets.BLOCK_STATUS) >>> 2] = sockets.BLOCK_USER;
    return count;
  }

  /** Writes what the kernel writes before a frame of AF_PACKET's, and the frame's headers. */
  #announce(place: number, socket: number, time: number): void {
    const batch = this.#batch;
    const words = this.#words;
    const { first, stride } = this.#seat.places;
    const { family } = this.#seat.sockets[socket]!;
    const payload = first + place * stride;
    const front = ETHERNET + IP_LENGTHS[family] + UDP;
    const header = payload - FRONT;
    const isTimed = batch.isTimed(place);
    const at = header >>> 2;
    words[at + sockets.ARRIVED_NEXT / 4] = stride;
    words[at + sockets.ARRIVED_SECONDS / 4] = isTimed ? batch.seconds(place) : Math.floor(time / 1e9);
    words[at + sockets.ARRIVED_NANOSECONDS / 4] = isTimed ? batch.nanoseconds(place) : time % 1e9;
    words[at + sockets.ARRIVED_CAPTURED / 4] = front + batch.kept(place);
    words[at + sockets.ARRIVED_LENGTH / 4] = front + batch.length(place);
    words[at + sockets.ARRIVED_STATUS / 4] = 0;
    words[at + sockets.ARRIVED_BYTES / 4] = FRONT - front;
    words[at + sockets.ARRIVED_LINK_TYPE / 4] = 0;
    const frame = payload - front;
    if (this.#written[place] !== socket) {
      this.#bytes.set(this.#templates[socket]!, frame);
      this.#written[place] = socket;
    }
    this.#writeEnds(place, frame + ETHERNET, family, this.#sums[socket]!);
  }

  /** What differs from datagram to datagram: who sent it, lengths, the checksum. */
  #writeEnds(place: number, ip: number, family: 4 | 6, constantSum: number): void {
    const batch = this.#batch;
    const bytes = this.#bytes;
    const udp = ip + IP_LENGTHS[family];
    const length = UDP + batch.length(place);
    const port = batch.portAt(place);
    const source = batch.addressAt(place, family);
    bytes[udp] = bytes[port]!;
    bytes[udp + 1] = bytes[port + 1]!;
    put16(bytes, udp + 4, length);
    if (family === 6) {
      put16(bytes, ip + 4, length);
      for (let i = 0; i < 16; i++) bytes[ip + 8 + i] = bytes[source + i]!;
      return;
    }
    const total = IP_LENGTHS[4] + length;
    for (let i = 0; i < 4; i++) bytes[ip + 12 + i] = bytes[source + i]!;
    put16(bytes, ip + 2, total);
    const sum = constantSum + total + get16(bytes, source) + get16(bytes, source + 2);
    put16(bytes, ip + 10, ~folded(sum));
  }
}

/** The headers of a datagram to this end, without its sender, its lengths and the IPv4 checksum. The UDP checksum is none (RFC 768, RFC 6935). */
function templateOf({ family, address, port }: UdpEnd, mac: Uint8Array): Uint8Array {
  const ip = ETHERNET;
  const udp = ip + IP_LENGTHS[family];
  const headers = new Uint8Array(udp + UDP);
  headers.set(mac.length === UNKNOWN_MAC.length ? mac : UNKNOWN_MAC);
  headers.set(UNKNOWN_MAC, 6);
  put16(headers, 12, ETHER_TYPES[family]);
  if (family === 4) {
    headers[ip] = 0x45;
    put16(headers, ip + 6, DONT_FRAGMENT);
    headers[ip + 8] = TTL;
    headers[ip + 9] = PROTOCOL;
    headers.set(address, ip + 16);
  } else {
    headers[ip] = 0x60;
    headers[ip + 6] = PROTOCOL;
    headers[ip + 7] = TTL;
    headers.set(address, ip + 24);
  }
  put16(headers, udp + 2, port);
  return headers;
}

function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += get16(bytes, i);
  return sum;
}

/** In ones' complement, 16 bits. */
function folded(sum: number): number {
  let rest = sum;
  while (rest > 0xffff) rest = (rest & 0xffff) + (rest >>> 16);
  return rest;
}

function get16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}
