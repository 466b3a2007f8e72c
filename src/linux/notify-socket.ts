// The service manager's socket (sd_notify(3)): datagrams of lines `NAME=value`. Node has no datagram sockets of this family.

import { constants } from "node:os";
import { close } from "./descriptor.js";
import { check, errno, libc, systemError } from "./libc.js";
import { MSG_DONTWAIT, openSocket, SOCK_DGRAM } from "./socket.js";
import { AF_UNIX, unixAddress } from "./unix.js";

/** Nobody reads any more, or not fast enough: a service does not wait for its manager. */
const { EAGAIN, ECONNREFUSED, ECONNRESET, ENOBUFS, ENOTCONN } = constants.errno;
const UNHEARD = new Set([EAGAIN, ECONNREFUSED, ECONNRESET, ENOBUFS, ENOTCONN]);

export class NotifySocket {
  private constructor(private readonly fd: number) {}

  /**
   * Connects at once: the folder may be closed to the user that the process becomes.
   *
   * @param name what NOTIFY_SOCKET says: a path, or a name behind `@` that is in no folder (unix(7), abstract)
   * @throws SpangateError SYSTEM_CALL, NOT_PERMITTED, USAGE when it is neither
   */
  static connect(name: string): NotifySocket {
    const about = `reach the service manager at ${name}`;
    const address = unixAddress(name);
    const fd = openSocket(AF_UNIX, SOCK_DGRAM, 0, about);
    try {
      check(libc.connect(fd, address, address.length), "connect", about);
    } catch (error) {
      close(fd);
      throw error;
    }
    return new NotifySocket(fd);
  }

  /** Says these lines, in one datagram. @throws SpangateError SYSTEM_CALL */
  say(...lines: readonly string[]): void {
    const bytes = Buffer.from(lines.join("\n"));
    if (libc.send(this.fd, bytes, bytes.length, MSG_DONTWAIT) >= 0 || UNHEARD.has(errno())) return;
    throw systemError(errno(), "send", "tell the service manager");
  }

  close(): void {
    close(this.fd);
  }
}
