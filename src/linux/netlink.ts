// A netlink socket: questions to the kernel and their answers, and the news of the groups that it joined (netlink(7), RFC 3549).

import { constants } from "node:os";
import { close } from "./descriptor.js";
import { check, errno, libc, systemError } from "./libc.js";
import { attributesAt, type Message, message, messagesIn, textOf, u32, viewOf } from "./netlink-message.js";
import { MSG_DONTWAIT, openSocket, SOCK_RAW, SOL_SOCKET } from "./socket.js";

// include/linux/socket.h, asm-generic/socket.h
const AF_NETLINK = 16;
const SO_RCVTIMEO = 20;
const SO_RCVBUFFORCE = 33;
const MSG_TRUNC = 0x20;

// include/uapi/linux/netlink.h
export const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
/** Errors come without a copy of the question. */
const NETLINK_CAP_ACK = 10;
/** Errors come with words. */
const NETLINK_EXT_ACK = 11;
/** The kernel refuses what it does not understand in a dump's header and filters by it, in place of ignoring it (4.20). */
const NETLINK_GET_STRICT_CHK = 12;
const NLM_F_REQUEST = 0x1;
const NLM_F_ACK = 0x4;
const NLM_F_DUMP_INTR = 0x10;
const NLM_F_DUMP = 0x300;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
/** Numbers below are netlink's own. */
const FIRST_OF_PROTOCOL = 16;
const NLMSGERR_ATTR_MSG = 1;

/** A datagram of a dump is at most 32 KiB (netlink_dump in net/netlink/af_netlink.c); one link with many functions can be more. */
const DATAGRAM = 1 << 16;
/** Thousands of neighbours can change between two looks at the news; the default holds a few hundred messages. */
const NEWS_BUFFER = 4 << 20;
/** The kernel has the answer when `send` returns: one that has not come never will. */
const ANSWER_SECONDS = 2;
/** A dump during which something changed is taken again, as netlink(7) asks for; something may change all the time. */
const DUMPS = 8;

/** What the kernel said by itself. */
export interface News {
  readonly messages: readonly Message[];
  /** Some of it is lost, for nobody read it in time. */
  readonly overrun: boolean;
}

export class NetlinkSocket {
  #sequence = 0;
  readonly #datagram = new Uint8Array(DATAGRAM);

  private constructor(readonly fd: number) {}

  /**
   * @param protocol of NETLINK_ROUTE and its like
   * @param groups bit mask of those whose news the socket gets; a socket with groups is for news only
   * @throws SpangateError SYSTEM_CALL
   */
  static open(protocol: number, groups = 0): NetlinkSocket {
    const about = "open a netlink socket";
    const fd = openSocket(AF_NETLINK, SOCK_RAW, protocol, about);
    const address = new Uint8Array(12); // family:16 pad:16 port:32 groups:32
    viewOf(address).setUint16(0, AF_NETLINK, true);
    try {
      const timeout = new Uint8Array(BigInt64Array.of(BigInt(ANSWER_SECONDS), 0n).buffer);
      check(libc.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeout, timeout.length), "setsockopt", about);
      for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK])
        check(libc.setsockopt(fd, SOL_NETLINK, option, u32(1), 4), "setsockopt", about);
      if (groups !== 0) {
        // Takes CAP_NET_ADMIN; without it the buffer is smaller and overruns come sooner, which is no failure.
        libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, u32(NEWS_BUFFER), 4);
        viewOf(address).setUint32(8, groups, true);
        check(libc.bind(fd, address, address.length), "bind", about);
        viewOf(address).setUint32(8, 0, true);
      }
      // Connected to port 0, the kernel's: no process can put words into its mouth (netlink_getsockbyportid).
      check(libc.connect(fd, address, address.length), "connect", about);
    } catch (error) {
      close(fd);
      throw error;
    }
    return new NetlinkSocket(fd);
  }

  /**
   * Asks, or orders, and waits until the kernel has said all there is to say.
   *
   * @param flags beside NLM_F_REQUEST and NLM_F_ACK
   * @param about what it is for, as `check` wants it
   * @param take gets each message of the answer; its bytes are only lent
   * @returns whether nothing changed while the kernel answered
   * @throws SpangateError NOT_PERMITTED or SYSTEM_CALL with the kernel's errno in `details.errno`
   */
  ask(
    type: number,
    flags: number,
    body: Uint8Array,
    about: string,
    take: (body: Uint8Array) => void,
  ): boolean {
    this.#send(type, flags | NLM_F_ACK, body, about);
    let steady = true;
    for (;;) {
      for (const answer of this.#answer(about)) {
        // Of a question whose answer was given up.
        if (answer.sequence !== this.#sequence) continue;
        if ((answer.flags & NLM_F_DUMP_INTR) !== 0) steady = false;
        if (answer.type >= FIRST_OF_PROTOCOL) take(answer.body);
        if (answer.type !== NLMSG_ERROR && answer.type !== NLMSG_DONE) continue;
        throwFailure(answer, about);
        return steady;
      }
    }
  }

  /** Asks for all there is of something. `read` gives what a message says, or undefined to leave it out. */
  dump<T>(type: number, body: Uint8Array, about: string, read: (body: Uint8Array) => T | undefined): T[] {
    let all: T[] = [];
    const take = (message: Uint8Array) => {
      const one = read(message);
      if (one !== undefined) all.push(one);
    };
    for (let i = 0; i < DUMPS; i++) {
      all = [];
      if (this.ask(type, NLM_F_DUMP, body, about, take)) break;
    }
    return all;
  }

  /** All that the kernel has said since the last time, without waiting. */
  news(): News {
    const messages: Message[] = [];
    let overrun = false;
    for (;;) {
      const length = Number(libc.recv(this.fd, this.#datagram, DATAGRAM, MSG_DONTWAIT | MSG_TRUNC));
      if (length > DATAGRAM) overrun = true;
      else if (length >= 0) messages.push(...messagesIn(this.#datagram.slice(0, length)));
      else {
        const number = errno();
        if (number === constants.errno.EAGAIN) return { messages, overrun };
        if (number === constants.errno.ENOBUFS) overrun = true;
        else if (number !== constants.errno.EINTR) throw systemError(number, "recv", "read netlink's news");
      }
    }
  }

  close(): void {
    close(this.fd);
  }

  #send(type: number, flags: number, body: Uint8Array, about: string): void {
    this.#sequence++;
    const bytes = message(type, flags | NLM_F_REQUEST, this.#sequence, body);
    check(Number(libc.send(this.fd, bytes, bytes.length, 0)), "send", about);
  }

  #answer(about: string): Iterable<Message> {
    for (;;) {
      const length = Number(libc.recv(this.fd, this.#datagram, DATAGRAM, MSG_TRUNC));
      if (length > DATAGRAM) throw systemError(constants.errno.EMSGSIZE, "netlink", about);
      if (length >= 0) return messagesIn(this.#datagram.subarray(0, length));
      if (errno() !== constants.errno.EINTR) throw systemError(errno(), "recv", about);
    }
  }
}

/** The last message of an answer bears 0 or a negative errno. */
function throwFailure(last: Message, about: string): void {
  const failure = last.body.length >= 4 ? -viewOf(last.body).getInt32(0, true) : 0;
  if (failure !== 0) throw systemError(failure, "netlink", about, { words: wordsOf(last) });
}

/** What the kernel says beside the number: behind the number and the question's header, or behind all of the question. */
function wordsOf({ type, flags, body }: Message): string {
  if ((flags & NLM_F_ACK_TLVS) === 0) return "";
  if (type === NLMSG_DONE) return textOf(attributesAt(body, 4).get(NLMSGERR_ATTR_MSG));
  const question = (flags & NLM_F_CAPPED) !== 0 ? 16 : (viewOf(body).getUint32(4, true) + 3) & ~3;
  return textOf(attributesAt(body, 4 + question).get(NLMSGERR_ATTR_MSG));
}
