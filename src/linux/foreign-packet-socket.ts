// An AF_PACKET socket that a library in this process has opened (libpcap), and what the library does not do with it: a filter of ours, what
// the kernel had no room for, and an end to errors. It stays the library's own: nobody here closes it or reads from it.

import { readdirSync } from "node:fs";
import { libc } from "./libc.js";
import { u32 } from "./netlink-message.js";
import { bindToEvery, ignoreOutgoing, PACKET_FAMILY, packetStatistics } from "./packet-socket.js";
import { SOL_SOCKET } from "./socket.js";
import { attachFilter, dropEverything } from "./socket-filter.js";

const SO_DOMAIN = 39;

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
  #lost = 0;

  private constructor(fd: number, about: string) {
    this.#fd = fd;
    this.#about = about;
  }

  /** What `open` has opened, when that is one AF_PACKET socket; undefined when it is not. */
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
    attachFilter(this.#fd, instructions);
    ignoreOutgoing(this.#fd, this.#about);
    bindToEvery(this.#fd, this.#about);
    const { packets, lost } = packetStatistics(this.#fd, this.#about);
    return packets - lost;
  }

  /** From now on it receives what the program accepts. */
  change(instructions: Uint8Array): void {
    attachFilter(this.#fd, instructions);
  }

  /** And from now on nothing. */
  refuse(): void {
    dropEverything(this.#fd);
  }

  /** Packets for which there was no room, since `accept`. */
  lost(): number {
    this.#lost += packetStatistics(this.#fd, this.#about).lost;
    return this.#lost;
  }
}
