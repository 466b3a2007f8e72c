// Descriptors from one process to another (unix(7), SCM_RIGHTS): what a descriptor stands for, such as a program on an interface, is there
// as long as one of both holds it.
//
//     msghdr    0 name:64 | 8 its length:32 | 16 parts:64 | 24 how many:64 | 32 control:64 | 40 its length:64 | 48 flags:32
//     iovec     0 address:64 | 8 length:64
//     cmsghdr   0 length:64 | 8 level:32 | 12 type:32 | 16 descriptors, of 32 bits

import { randomUUID } from "node:crypto";
import { close } from "./descriptor.js";
import { check, libc, stable } from "./libc.js";
import { MSG_DONTWAIT, openSocket, SOCK_DGRAM, SOL_SOCKET } from "./socket.js";
import { AF_UNIX, unixAddress } from "./unix.js";

const SCM_RIGHTS = 1;
const MSG_CMSG_CLOEXEC = 0x40000000;
const MESSAGE = 56;
const CONTROL = 16;
const MOST = 8;
/** What a message points to. */
const BYTE = 16;
const CONTROL_AT = 24;
const SIZE = CONTROL_AT + CONTROL + 4 * MOST;

/** Where one process gets descriptors of another of its network namespace. */
export class Mailbox {
  private constructor(
    /** By which others find it. */
    readonly name: string,
    private readonly fd: number,
  ) {}

  /** @throws SpangateError SYSTEM_CALL */
  static open(): Mailbox {
    const name = `@spangate-${randomUUID()}`;
    const about = "get descriptors of another process";
    const fd = openSocket(AF_UNIX, SOCK_DGRAM, 0, about);
    const address = unixAddress(name);
    try {
      check(libc.bind(fd, address, address.length), "bind", about);
    } catch (error) {
      close(fd);
      throw error;
    }
    return new Mailbox(name, fd);
  }

  /** What has been sent, which is this process's own from now on. @throws SpangateError SYSTEM_CALL when nothing has */
  take(): number[] {
    const { message, parts } = messageOf(MOST);
    const about = "get descriptors of another process";
    check(Number(libc.recvmsg(this.fd, message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)), "recvmsg", about);
    if (new DataView(message.buffer).getBigUint64(40, true) < BigInt(CONTROL)) return [];
    const count = (Number(parts.getBigUint64(CONTROL_AT, true)) - CONTROL) / 4;
    return Array.from({ length: count }, (_, i) => parts.getInt32(CONTROL_AT + CONTROL + 4 * i, true));
  }

  close(): void {
    close(this.fd);
  }
}

/**
 * Sends descriptors, at the most 8, to who has the mailbox of that name.
 *
 * @throws SpangateError SYSTEM_CALL when nobody has, USAGE when it is no name
 */
export function sendDescriptors(name: string, descriptors: readonly number[]): void {
  const about = "give descriptors to another process";
  const address = unixAddress(name);
  const { message, parts } = messageOf(descriptors.length);
  parts.setBigUint64(CONTROL_AT, BigInt(CONTROL + 4 * descriptors.length), true);
  parts.setInt32(CONTROL_AT + 8, SOL_SOCKET, true);
  parts.setInt32(CONTROL_AT + 12, SCM_RIGHTS, true);
  for (const [i, fd] of descriptors.entries()) parts.setInt32(CONTROL_AT + CONTROL + 4 * i, fd, true);
  const socket = openSocket(AF_UNIX, SOCK_DGRAM, 0, about);
  try {
    check(libc.connect(socket, address, address.length), "connect", about);
    check(Number(libc.sendmsg(socket, message, MSG_DONTWAIT)), "sendmsg", about);
  } finally {
    close(socket);
  }
}

/** A message of one byte with room for so many descriptors. */
function messageOf(descriptors: number): { readonly message: Uint8Array; readonly parts: DataView } {
  const { bytes, address } = stable(SIZE);
  const parts = new DataView(bytes.buffer);
  parts.setBigUint64(0, BigInt(address + BYTE), true);
  parts.setBigUint64(8, 1n, true);
  const message = new DataView(new ArrayBuffer(MESSAGE));
  message.setBigUint64(16, BigInt(address), true);
  message.setBigUint64(24, 1n, true);
  message.setBigUint64(32, BigInt(address + CONTROL_AT), true);
  message.setBigUint64(40, BigInt(CONTROL + 8 * Math.ceil(descriptors / 2)), true);
  return { message: new Uint8Array(message.buffer), parts };
}
