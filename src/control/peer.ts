// Who is at the other end of a connection to the control API.

import type { Socket } from "node:net";

/** As the kernel says; nothing when it cannot: of a connection by TCP, or one that is over. */
export type PeerOf = (socket: Socket) => { readonly uid: number; readonly pid: number } | undefined;
