// The C library and through it the kernel: every system call that Spangate makes. Only this folder knows koffi and the numbers of
// Linux. A call that fails throws, with the call's name, what it was about and errno's name.

import { constants } from "node:os";
import koffi from "koffi";
import { SpangateError } from "../errors.js";

const library = koffi.load("libc.so.6");

/** Addresses are numbers: of linear memory by `addressOf`, of a structure for the length of a call by passing the array itself. */
type Bytes = Uint8Array | null;

const raw = {
  socket: library.func("int socket(int, int, int)") as (
    domain: number,
    type: number,
    protocol: number,
  ) => number,
  bind: library.func("int bind(int, void *, uint32_t)") as (
    fd: number,
    address: Bytes,
    length: number,
  ) => number,
  connect: library.func("int connect(int, void *, uint32_t)") as (
    fd: number,
    address: Bytes,
    length: number,
  ) => number,
  setsockopt: library.func("int setsockopt(int, int, int, void *, uint32_t)") as (
    fd: number,
    level: number,
    name: number,
    value: Bytes,
    length: number,
  ) => number,
  getsockopt: library.func("int getsockopt(int, int, int, void *, void *)") as (
    fd: number,
    level: number,
    name: number,
    value: Bytes,
    length: Bytes,
  ) => number,
  ioctl: library.func("int ioctl(int, uint64_t, void *)") as (
    fd: number,
    request: number,
    value: Bytes,
  ) => number,
  mmap: library.func("uint64_t mmap(uint64_t, uint64_t, int, int, int, int64_t)") as (
    address: number,
    length: number,
    protection: number,
    flags: number,
    fd: number,
    offset: number,
  ) => number | bigint,
  poll: library.func("int poll(void *, uint64_t, int)") as (
    fds: Bytes,
    count: number,
    timeout: number,
  ) => number,
  send: library.func("int64_t send(int, void *, uint64_t, int)") as (
    fd: number,
    bytes: Bytes,
    length: number,
    flags: number,
  ) => number,
  sendmsg: library.func("int64_t sendmsg(int, void *, int)") as (
    fd: number,
    message: Bytes,
    flags: number,
  ) => number,
  recvmsg: library.func("int64_t recvmsg(int, void *, int)") as (
    fd: number,
    message: Bytes,
    flags: number,
  ) => number,
  recv: library.func("int64_t recv(int, void *, uint64_t, int)") as (
    fd: number,
    bytes: Bytes,
    length: number,
    flags: number,
  ) => number,
  /** The messages lie in linear memory, by their address; of `recvmmsg`, too. */
  sendmmsg: library.func("int sendmmsg(int, uint64_t, uint32_t, int)") as (
    fd: number,
    messages: number,
    count: number,
    flags: number,
  ) => number,
  recvmmsg: library.func("int recvmmsg(int, uint64_t, uint32_t, int, void *)") as (
    fd: number,
    messages: number,
    count: number,
    flags: number,
    timeout: Bytes,
  ) => number,
  epoll_create1: library.func("int epoll_create1(int)") as (flags: number) => number,
  epoll_ctl: library.func("int epoll_ctl(int, int, int, void *)") as (
    set: number,
    operation: number,
    fd: number,
    event: Bytes,
  ) => number,
  epoll_wait: library.func("int epoll_wait(int, void *, int, int)") as (
    set: number,
    events: Bytes,
    most: number,
    timeout: number,
  ) => number,
  usleep: library.func("int usleep(uint32_t)") as (microseconds: number) => number,
  read: library.func("int64_t read(int, void *, uint64_t)") as (
    fd: number,
    bytes: Bytes,
    length: number,
  ) => number,
  write: library.func("int64_t write(int, void *, uint64_t)") as (
    fd: number,
    bytes: Bytes,
    length: number,
  ) => number,
  /** The bytes lie in linear memory, by their address. */
  writeFrom: library.func("write", "int64_t", ["int", "uint64_t", "uint64_t"]) as (
    fd: number,
    address: number,
    length: number,
  ) => number,
  eventfd: library.func("int eventfd(uint32_t, int)") as (initial: number, flags: number) => number,
  syscall: library.func("int64_t syscall(int64_t, int64_t, void *, uint64_t)") as (
    number: number,
    command: number,
    attributes: Bytes,
    size: number,
  ) => number,
  close: library.func("int close(int)") as (fd: number) => number,
  // These three change every thread of the process: the system calls of the same names change one (nptl(7)).
  setgroups: library.func("int setgroups(uint64_t, void *)") as (count: number, groups: Bytes) => number,
  setresgid: library.func("int setresgid(uint32_t, uint32_t, uint32_t)") as (
    real: number,
    effective: number,
    saved: number,
  ) => number,
  setresuid: library.func("int setresuid(uint32_t, uint32_t, uint32_t)") as (
    real: number,
    effective: number,
    saved: number,
  ) => number,
  // And these change the calling thread only.
  capget: library.func("int capget(void *, void *)") as (header: Bytes, sets: Bytes) => number,
  capset: library.func("int capset(void *, void *)") as (header: Bytes, sets: Bytes) => number,
  prctl: library.func("int prctl(int, uint64_t, uint64_t, uint64_t, uint64_t)") as (
    option: number,
    a: number,
    b: number,
    c: number,
    d: number,
  ) => number,
};

export type Libc = typeof raw;
/** The functions as they are: -1 when they fail, and `errno` says why. For calls whose failure is an everyday thing. */
export const libc: Libc = raw;

/** Number of the last failure. */
export function errno(): number {
  return koffi.errno();
}

const NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** `EINVAL` of 22. */
export function errnoName(number: number): string {
  return NAMES.get(number) ?? `errno ${number}`;
}

const USUALLY_TAKES = "root, or CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF and CAP_IPC_LOCK";

/**
 * What a call gave, unless it failed.
 *
 * @param call its name, for the message
 * @param about what it was to do, such as `bind to queue 0 of eth0`
 * @param takes who is permitted it, for the message
 * @throws SpangateError NOT_PERMITTED with EPERM and EACCES (SEALED after the seal), else SYSTEM_CALL
 */
export function check(result: number, call: string, about: string, takes?: string): number {
  if (result >= 0) return result;
  throw systemError(errno(), call, about, { takes });
}

let isSealed = false;

/** From now on what takes a capability can no more be had. */
export function declareSealed(): void {
  isSealed = true;
}

/** The error of a call that failed with `number`; `words` are what the kernel had to say beside it, `takes` as `check` has it. */
export function systemError(
  number: number,
  call: string,
  about: string,
  { words = "", takes = USUALLY_TAKES }: { words?: string; takes?: string | undefined } = {},
): SpangateError {
  const name = words === "" ? errnoName(number) : `${errnoName(number)} (${words})`;
  const details = { call, errno: errnoName(number), about };
  if (number === constants.errno.EPERM || number === constants.errno.EACCES) {
    if (isSealed) {
      const message = `Cannot ${about}: it takes a capability, and the gateway has given up all (\`sealed: true\`).`;
      return new SpangateError("SEALED", message, { details });
    }
    const message = `Cannot ${about}: ${call} says ${name}. It takes ${takes}.`;
    return new SpangateError("NOT_PERMITTED", message, { details });
  }
  return new SpangateError("SYSTEM_CALL", `Cannot ${about}: ${call} says ${name}.`, { details });
}

/** Whether `error` is one of the kernel's that bears one of these names. */
export function isErrno(error: unknown, ...names: readonly string[]): boolean {
  return error instanceof SpangateError && names.includes(String(error.details.errno));
}

/** Where the bytes of `view` lie in this process. Of shared memory only: other arrays move. */
export function addressOf(view: Uint8Array): number {
  return Number(koffi.address(view));
}

/** Bytes that stay where they are, for structures which point to others. */
export function stable(length: number): { readonly bytes: Uint8Array; readonly address: number } {
  const bytes = new Uint8Array(new SharedArrayBuffer(Math.max(8, (length + 7) & ~7)));
  return { bytes, address: addressOf(bytes) };
}
