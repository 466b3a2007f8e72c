// A raw socket on an interface: sends exactly the bytes it is given, and receives. It is opened in the test's own process, so that
// it needs neither an interpreter nor a compiler on the machine, and nothing is left when the test is killed.

import { constants } from "node:os";
import type { SpangateError } from "../../src/errors.js";
import { check, errno, libc } from "../../src/linux/libc.js";
import { interfaceIndex, within } from "./namespace.js";
import { pause } from "./until.js";

// linux/if_packet.h, asm-generic/socket.h
const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_ALL = 3;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const SOL_PACKET = 263;
const PACKET_IGNORE_OUTGOING = 23;
const MSG_DONTWAIT = 0x40;
const LONGEST = 65_600;
/** In place of an interface's name, for a port that only receives: the kernel never parts it from one that goes down and comes back. */
export const EVERY = "any";
/** Frames between two looks at the clock. */
const BURST = 32;

export interface RawPortOptions {
  /** Bytes to keep of what arrives until it is asked for; without it nothing is received. */
  readonly receiveBuffer?: number;
}

export interface ReplayOptions {
  /** Frames a second; as fast as they go when absent. */
  readonly rate?: number;
}

export class RawPort {
  #fd: number;
  readonly #what: string;
  readonly #buffer = new Uint8Array(LONGEST);

  constructor(namespace: string, name: string, { receiveBuffer }: RawPortOptions = {}) {
    this.#what = `${name} in ${namespace}`;
    const index = name === EVERY ? 0 : interfaceIndex(namespace, name);
    this.#fd = within(namespace, () => check(libc.socket(AF_PACKET, SOCK_RAW, 0), "socket", this.#what));
    const address = Buffer.alloc(20); // sockaddr_ll: family, protocol (network order), index
    address.writeUInt16LE(AF_PACKET, 0);
    address.writeUInt16BE(receiveBuffer === undefined ? 0 : ETH_P_ALL, 2);
    address.writeInt32LE(index, 4);
    if (receiveBuffer !== undefined) {
      this.#set(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
      this.#set(SOL_SOCKET, SO_RCVBUFFORCE, receiveBuffer);
    }
    check(libc.bind(this.#fd, address, address.length), "bind", `bind to ${this.#what}`);
  }

  /** False when the other end had no room for it: it is lost. Frames are 14 to MTU + 14 bytes, with a VLAN tag 4 more. */
  send(frame: Uint8Array): boolean {
    const sent = libc.send(this.#fd, frame, frame.length, 0);
    if (sent >= 0) return true;
    if (errno() === constants.errno.ENOBUFS) return false;
    check(sent, "send", `send ${frame.length} bytes on ${this.#what}`);
    return false;
  }

  /** Sends frames as they are, at a rate; what the other end has no room for is sent again. Gives how many there were. */
  async replay(frames: Iterable<Uint8Array>, { rate = Infinity }: ReplayOptions = {}): Promise<number> {
    const start = performance.now();
    let count = 0;
    for (const frame of frames) {
      // Early by a burst at most; between bursts the processes that receive have their say, and their outputs are read.
      while (count > ((performance.now() - start) / 1000) * rate + BURST) await pause(1);
      if (count % BURST === BURST - 1) await new Promise(setImmediate);
      for (let tries = 0; !this.send(frame); tries++) {
        if (tries > 1000) throw new Error(`Nobody receives what is sent on ${this.#what}`);
        await pause(1);
      }
      count++;
    }
    return count;
  }

  /** The next frame that has come, if there is one; without its outermost VLAN tag, which the kernel keeps elsewhere. */
  receive(): Uint8Array | undefined {
    const length = libc.recv(this.#fd, this.#buffer, LONGEST, MSG_DONTWAIT);
    if (length >= 0) return this.#buffer.slice(0, length);
    if (errno() === constants.errno.EAGAIN) return undefined;
    check(length, "recv", `receive on ${this.#what}`);
    return undefined;
  }

  /** All that has come and can be had; that the interface was down in between is no error. */
  *receiveAll(): Generator<Uint8Array> {
    for (;;) {
      try {
        const frame = this.receive();
        if (frame === undefined) return;
        yield frame;
      } catch (error) {
        if ((error as SpangateError).details.errno !== "ENETDOWN") throw error;
      }
    }
  }

  close(): void {
    if (this.#fd >= 0) libc.close(this.#fd);
    this.#fd = -1;
  }

  #set(level: number, name: number, value: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    check(libc.setsockopt(this.#fd, level, name, bytes, 4), "setsockopt", `set up ${this.#what}`);
  }
}
