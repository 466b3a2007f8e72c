// Classic BPF on a socket (SO_ATTACH_FILTER, Documentation/networking/filter.rst).
//
//     sock_filter   0 code:16 | 2 jt:8 | 3 jf:8 | 4 k:32
//     sock_fprog    0 length:16 | 8 address:64

import { addressOf, check, libc } from "./libc.js";

const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const BPF_RET_K = 0x06;

/** One instruction: keep 0 bytes of the packet. In shared memory, which does not move while the kernel reads it. */
const DROP_ALL = new Uint8Array(new SharedArrayBuffer(8));
DROP_ALL[0] = BPF_RET_K;

/** From now on the socket takes packets and keeps none of them: its buffer never fills, and nobody has to read. */
export function dropEverything(fd: number): void {
  const program = new DataView(new ArrayBuffer(16));
  program.setUint16(0, 1, true);
  program.setBigUint64(8, BigInt(addressOf(DROP_ALL)), true);
  const bytes = new Uint8Array(program.buffer);
  check(
    libc.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, bytes, bytes.length),
    "setsockopt",
    "filter a socket",
  );
}
