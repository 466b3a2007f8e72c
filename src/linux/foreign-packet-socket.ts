// An AF_PACKET socket that a library in this process has opened (libpcap), and what the library does not do with it: a filter of ours, what
// the kernel had no room for, a rest from packets, and an end to errors. It stays the library's own: nobody here closes it or reads from it.
//
// Beside it is a socket that nobody reads. They share what comes (PACKET_FANOUT): each packet goes to the one or to the other, so that what
// comes during a rest is counted, every packet once.

import { readdirSync } from "node:fs";
import { close } from "./descriptor.js";
import { check, libc } from "./libc.js";
import { u32 } from "./netlink-message.js";
import {
  bindToEvery,
  type Fanout,
  ignoreOutgoing,
  join,
  PACKET_FAMILY,
  packetStatistics,
  setFanoutProgram,
} from "./packet-socket.js";
import { openSocket, SOCK_RAW, SOL_SOCKET } from "./socket.js";
import { attachFilter, dropEverything, SocketFilter } from "./socket-filter.js";

const SO_DOMAIN = 39;
const SO_RCVBUF = 8;
const TO_LIBRARY = new SocketFilter().refuse().bytes(); // 0: the first that joined
const TO_COUNTER = new SocketFilter().accept().bytes(); // the greatest number, which is odd: the second of two

/** Descriptors of this process that are AF_PACKET sockets. */
function packetSockets(): Set<number> {
  const found = new Set<number>();
  for (const name of readdirSync("/proc/self/fd")) {
    const fd = Number(name);
    const domain = new Uint8Array(4);
    // Most are no sockets, and the folder's own descriptor is closed by now.
    if (libc.getsockopt(fd, SOL_SOCKET, SO_DOMAIN, domain, u32(4)) < 0) continue;
    if (new DataView(domain.buffer).getInt32(0, true) === PACKET_FAMILY) found.add(fd);
  }
  return found;
}

export class ForeignPacketSocket {
  readonly #fd: number;
  readonly #about: string;
  /** The socket that nobody reads. */
  readonly #counter: number;
  #lost = 0;
  #diverted = 0;

  private constructor(fd: number, about: string) {
    this.#fd = fd;
    this.#about = about;
    this.#counter = openSocket(PACKET_FAMILY, SOCK_RAW, 0, about);
  }

  /**
   * What `open` has opened, when that is one AF_PACKET socket; undefined when it is not.
   *
   * @throws SpangateError NOT_PERMITTED without CAP_NET_RAW, SYSTEM_CALL, and what `open` throws
   */
  static openedBy<T>(
    open: () => T,
    about: string,
  ): { readonly value: T; readonly socket: ForeignPacketSocket | undefined } {
    const before = packetSockets();
    const value = open();
    const fds = [...packetSockets()].filter((fd) => !before.has(fd));
    return { value, socket: fds.length === 1 ? new ForeignPacketSocket(fds[0]!, about) : undefined };
  }

  /**
   * From now on it receives what the program accepts, from every interface, so that it has no error when one goes down: the program
   * has to look at the interface, too. Gives how many packets it has received before.
   */
  accept(instructions: Uint8Array): number {
    const fanout: Fanout = { program: TO_LIBRARY, defragments: false };
    attachFilter(this.#fd, instructions);
    // Until it shares with the other it would get every packet, too.
    dropEverything(this.#counter);
    check(libc.setsockopt(this.#counter, SOL_SOCKET, SO_RCVBUF, u32(0), 4), "setsockopt", this.#about);
    for (const fd of [this.#fd, this.#counter]) {
      ignoreOutgoing(fd, this.#about);
      bindToEvery(fd, this.#about);
      join(fd, fanout, this.#about);
    }
    attachFilter(this.#counter, instructions);
    const { packets, lost } = packetStatistics(this.#fd, this.#about);
    return packets - lost;
  }

  /** Whether the library gets a rest: what comes is counted with what is lost. */
  rest(isResting: boolean): void {
    setFanoutProgram(this.#fd, isResting ? TO_COUNTER : TO_LIBRARY, this.#about);
  }

  /** From now on it receives nothing. */
  refuse(): void {
    dropEverything(this.#fd);
    dropEverything(this.#counter);
  }

  /** Packets for which there was no room, or that came during a rest, since `accept`. */
  lost(): number {
    this.#lost += packetStatistics(this.#fd, this.#about).lost;
    this.#diverted += packetStatistics(this.#counter, this.#about).packets;
    return this.#lost + this.#diverted;
  }

  /** What is not the library's. */
  close(): void {
    close(this.#counter);
  }
}
