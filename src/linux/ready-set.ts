// Which of many sockets have something to read (epoll(7)): asked again and again, without garbage. Its own descriptor is ready when one
// of them is, so that a worker can sleep on all of them as on one.
//
//     epoll_event   0 events:32 | 4 data:64 on x86-64, where it is packed; 0 events:32 | 8 data:64 elsewhere

import { constants } from "node:os";
import { close } from "./descriptor.js";
import { check, errno, libc, systemError } from "./libc.js";

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 0x1;
const [SIZE, DATA] = process.arch === "x64" ? [12, 4] : [16, 8];

/** Descriptors that are looked at together, each known by its place in `fds`. @throws SpangateError SYSTEM_CALL */
export function createReadySet(fds: readonly number[]): number {
  const set = check(libc.epoll_create1(EPOLL_CLOEXEC), "epoll_create1", "watch sockets together");
  try {
    for (const [i, fd] of fds.entries()) {
      const event = new DataView(new ArrayBuffer(SIZE));
      event.setUint32(0, EPOLLIN, true);
      event.setUint32(DATA, i, true);
      const bytes = new Uint8Array(event.buffer);
      check(libc.epoll_ctl(set, EPOLL_CTL_ADD, fd, bytes), "epoll_ctl", "watch a socket");
    }
  } catch (error) {
    close(set);
    throw error;
  }
  return set;
}

/** Asks such a set. */
export class ReadySet {
  readonly #fd: number;
  readonly #most: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  /** @param most how many it tells of at once; those that it has told of come last the next time */
  constructor(fd: number, most: number) {
    this.#fd = fd;
    this.#most = most;
    this.#bytes = new Uint8Array(most * SIZE);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** How many are ready now, without waiting. */
  look(): number {
    const ready = libc.epoll_wait(this.#fd, this.#bytes, this.#most, 0);
    if (ready >= 0) return ready;
    if (errno() !== constants.errno.EINTR) throw systemError(errno(), "epoll_wait", "look for packets");
    return 0;
  }

  /** Place of the `i`-th of them. */
  at(i: number): number {
    return this.#view.getUint32(i * SIZE + DATA, true);
  }
}
