// Who is at the other end of a Unix socket (SO_PEERCRED, unix(7)): the kernel's word, of when it was connected.

import type { Socket } from "node:net";
import { libc } from "./libc.js";
import { u32 } from "./netlink-message.js";
import { SOL_SOCKET } from "./socket.js";

const SO_PEERCRED = 17; // asm-generic/socket.h
const UCRED = 12; // struct ucred: pid, uid, gid

export interface Peer {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** Undefined when it is no Unix socket, or closed. */
export function peerOf(socket: Socket): Peer | undefined {
  // Node tells a socket's descriptor in no other way.
  const fd = (socket as { readonly _handle?: { readonly fd?: number } | null })._handle?.fd;
  if (fd === undefined || fd < 0) return undefined;
  const credentials = Buffer.alloc(UCRED);
  if (libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, u32(UCRED)) < 0) return undefined;
  const [pid, uid, gid] = [0, 4, 8].map((offset) => credentials.readUInt32LE(offset)) as [
    number,
    number,
    number,
  ];
  return pid > 0 ? { pid, uid, gid } : undefined; // of TCP there is none: 0
}
