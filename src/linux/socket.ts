// What sockets of every family have in common (socket(2), include/linux/net.h, asm-generic/socket.h).

import { check, libc } from "./libc.js";

export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
export const SOL_SOCKET = 1;
export const MSG_DONTWAIT = 0x40;

/**
 * A new socket's descriptor. A program that this process starts does not have it.
 *
 * @param about what it is for, as `check` wants it
 * @throws SpangateError NOT_PERMITTED, SYSTEM_CALL
 */
export function openSocket(family: number, type: number, protocol: number, about: string): number {
  return check(libc.socket(family, type | SOCK_CLOEXEC, protocol), "socket", about);
}
