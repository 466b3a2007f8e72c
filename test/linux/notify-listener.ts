// A service manager's socket: what services say to it.

import { constants } from "node:os";
import { check, errno, libc } from "../../src/linux/libc.js";
import { unixAddress } from "../../src/linux/unix.js";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;

export class NotifyListener {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(4096);
  /** Every datagram so far. */
  readonly heard: string[] = [];

  /** @param name a path, or `@` and a name */
  constructor(name: string) {
    this.#fd = check(libc.socket(AF_UNIX, SOCK_DGRAM, 0), "socket", "listen as a service manager");
    const address = unixAddress(name);
    check(libc.bind(this.#fd, address, address.length), "bind", "listen as a service manager");
  }

  /** All lines that have been said by now. */
  lines(): string[] {
    for (;;) {
      const length = Number(libc.recv(this.#fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT));
      if (length >= 0) this.heard.push(Buffer.from(this.#buffer.slice(0, length)).toString());
      else if (errno() === constants.errno.EAGAIN) return this.heard.flatMap((text) => text.split("\n"));
      else check(length, "recv", "hear a service");
    }
  }

  close(): void {
    libc.close(this.#fd);
  }
}
