// TAP interfaces (Documentation/networking/tuntap.rst, include/uapi/linux/if_tun.h, netdevice(7)): what is written into the descriptor
// arrives at the interface, for whoever listens there.
//
//     ifreq   0 name | 16 flags:16, or index:32, or MTU:32

import { constants as open, openSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { SpangateError } from "../errors.js";
import { close } from "./descriptor.js";
import { AF_INET } from "./ip.js";
import { check, errno, libc, systemError } from "./libc.js";
import { REFUSED, TRY_LATER } from "./packet-socket.js";
import { openSocket, SOCK_DGRAM } from "./socket.js";

const DEVICE = "/dev/net/tun";
const TUNSETIFF = 0x400454ca;
const IFF_TAP = 0x2;
const IFF_NO_PI = 0x1000;
const IFF_MULTI_QUEUE = 0x100;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const SIOCGIFMTU = 0x8921;
const SIOCGIFINDEX = 0x8933;
const IFF_UP = 0x1;
const IFF_NOARP = 0x80;
const IFNAMSIZ = 16;

export class Tap {
  private constructor(
    /** Frames are written into it, one a call, and nobody waits. */
    readonly fd: number,
    readonly name: string,
    readonly index: number,
    /** Bytes of an IP packet. */
    readonly mtu: number,
  ) {}

  /**
   * Makes the interface when it is not there, silent and gone with the last descriptor of it, and brings it up. It is made for several
   * queues, so that another process can attach one, too; one that is there is taken as it is.
   *
   * @throws SpangateError CONFIG_INVALID for an interface of another kind, NOT_PERMITTED without CAP_NET_ADMIN, SYSTEM_CALL
   */
  static open(name: string): Tap {
    const isNew = ask(name, SIOCGIFINDEX) === undefined;
    const about = `open the TAP interface ${name}`;
    const fd = openDevice(about);
    try {
      attach(fd, name, isNew);
      const index = expect(name, SIOCGIFINDEX).getInt32(IFNAMSIZ, true);
      if (isNew) silence(name);
      const flags = expect(name, SIOCGIFFLAGS).getUint16(IFNAMSIZ, true);
      set(name, SIOCSIFFLAGS, flags | IFF_UP | (isNew ? IFF_NOARP : 0), `bring ${name} up`);
      return new Tap(fd, name, index, expect(name, SIOCGIFMTU).getInt32(IFNAMSIZ, true));
    } catch (error) {
      close(fd);
      throw error;
    }
  }

  close(): void {
    close(this.fd);
  }
}

// The interface has as many as it takes. It is down (tun_get_user: EIO). There is no memory. A signal came.
const { EAGAIN, EIO, ENOBUFS, ENOMEM, EINTR } = constants.errno;
const PASSING = new Set([EAGAIN, EIO, ENOBUFS, ENOMEM, EINTR]);

/** Writes a frame of `length` bytes that begins at `address` of this process. Gives its length, TRY_LATER or REFUSED. */
export function writeFrame(fd: number, address: number, length: number): number {
  const written = libc.writeFrom(fd, address, length);
  if (written >= 0) return written;
  return PASSING.has(errno()) ? TRY_LATER : REFUSED;
}

/** Without IPv6 the kernel says nothing by itself there. Nobody would hear it: it is written into a descriptor that is never read. */
function silence(name: string): void {
  try {
    writeFileSync(`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`, "1");
  } catch {
    // A kernel without IPv6, or a container that may not.
  }
}

function openDevice(about: string): number {
  try {
    return openSync(DEVICE, open.O_RDWR | open.O_NONBLOCK);
  } catch (error) {
    throw systemError(-((error as NodeJS.ErrnoException).errno ?? 0), `open ${DEVICE}`, about);
  }
}

/** One that is there, made by `ip tuntap`, may be of several queues or not, and says EINVAL to who wants the other. */
function attach(fd: number, name: string, isNew: boolean): void {
  const about = `${isNew ? "make" : "take"} the TAP interface ${name}`;
  let failure = 0;
  for (const more of [IFF_MULTI_QUEUE, 0]) {
    const request = requestOf(name);
    request.setUint16(IFNAMSIZ, IFF_TAP | IFF_NO_PI | more, true);
    if (libc.ioctl(fd, TUNSETIFF, new Uint8Array(request.buffer)) >= 0) return;
    failure ||= errno();
    if (errno() !== constants.errno.EINVAL) break;
  }
  if (!isNew && failure === constants.errno.EINVAL) {
    const message = `${name} is there, and is no TAP interface: name another, or none that is there yet.`;
    throw new SpangateError("CONFIG_INVALID", message, { details: { interface: name } });
  }
  throw systemError(
    failure,
    "ioctl",
    about,
    failure === constants.errno.EBUSY ? { words: "another program has it" } : {},
  );
}

function requestOf(name: string): DataView<ArrayBuffer> {
  const bytes = new Uint8Array(40);
  bytes.set(Buffer.from(name).subarray(0, IFNAMSIZ - 1));
  return new DataView(bytes.buffer);
}

/** What the kernel says of an interface; undefined when there is none of that name. */
function ask(name: string, question: number): DataView | undefined {
  const request = requestOf(name);
  const failure = ioctl(question, request);
  if (failure === constants.errno.ENODEV) return undefined;
  if (failure !== 0) throw systemError(failure, "ioctl", `ask for ${name}`);
  return request;
}

function expect(name: string, question: number): DataView {
  const answer = ask(name, question);
  if (answer !== undefined) return answer;
  throw new SpangateError("INTERFACE_GONE", `${name} was removed meanwhile.`, {
    details: { interface: name },
  });
}

function set(name: string, order: number, flags: number, about: string): void {
  const request = requestOf(name);
  request.setUint16(IFNAMSIZ, flags, true);
  const failure = ioctl(order, request);
  if (failure !== 0) throw systemError(failure, "ioctl", about);
}

/** By any socket: it only says in which network namespace to look. Gives errno, or 0. */
function ioctl(number: number, request: DataView<ArrayBuffer>): number {
  const fd = openSocket(AF_INET, SOCK_DGRAM, 0, "ask for an interface");
  const failure = libc.ioctl(fd, number, new Uint8Array(request.buffer)) < 0 ? errno() : 0;
  check(libc.close(fd), "close", "close a socket");
  return failure;
}
