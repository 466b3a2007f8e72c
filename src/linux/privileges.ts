// How the gateway gives up what it does not need: root becomes a user with four capabilities, and in the end none.
//
// To the kernel every thread has credentials of its own (credentials(7), capabilities(7)). glibc's setresuid and its like change all
// threads of the process, by a signal to each; capset and prctl change the calling one. So from `becomeUser` on
// - all threads, of libuv's pool and of V8 too, have the user's uid, gid and groups;
// - the calling thread has the four capabilities, and so has every thread that it starts afterwards;
// - threads that were there before have none: without PR_SET_KEEPCAPS, a thread's are gone with its last uid of 0.
// Hence it comes after libuv's pool, whose threads would otherwise be born with capabilities that nobody takes from them again; and
// after the data path's workers, which need none.

import { access, readdirSync, readFileSync } from "node:fs";
import { SpangateError } from "../errors.js";
import { type Capability, neverAgain, setCapabilities } from "./capabilities.js";
import { check, libc } from "./libc.js";
import { findUser, type User } from "./users.js";

const PR_SET_KEEPCAPS = 8;

/**
 * For interfaces, neighbours, XDP; for AF_PACKET and AF_XDP; for programs and maps; for locked memory. Without PERFMON the verifier
 * refuses programs that add a variable to a packet's address, as for an IPv4 header's length (measured on Linux 6.18): such a
 * program is loaded before; attaching it afterwards works.
 */
const KEPT: readonly Capability[] = ["NET_ADMIN", "NET_RAW", "BPF", "IPC_LOCK"];

/**
 * Becomes `name`, keeping NET_ADMIN, NET_RAW, BPF and IPC_LOCK as far as they were there. A process that is that user already, such
 * as a service with ambient capabilities, only gives up the others, and its other threads keep theirs. A failure leaves the process
 * half changed: it has to end.
 *
 * Afterwards the process cannot be traced or dumped by that user (prctl(2), PR_SET_DUMPABLE).
 *
 * @throws SpangateError USAGE for an unknown user, NOT_PERMITTED without SETUID and SETGID
 */
export function becomeUser(name: string): User {
  const user = findUser(name);
  neverAgain(KEPT);
  if (process.getuid!() !== user.uid || process.geteuid!() !== user.uid) changeAllThreads(user, name);
  setCapabilities(KEPT);
  return user;
}

/** Whether becoming `name` takes from threads that run already all that they may do. @throws SpangateError USAGE for an unknown user */
export function isChange(name: string): boolean {
  return process.geteuid!() === 0 && findUser(name).uid !== 0;
}

/** The calling thread's last capabilities go. Each thread has to call it for itself. */
export function dropAll(): void {
  neverAgain([]);
  setCapabilities([]);
}

const TAKES = "CAP_SETUID and CAP_SETGID, which root has (under systemd: no User= in the unit)";

function changeAllThreads({ uid, gid, groups }: User, name: string): void {
  const about = `become user ${name}`;
  // libuv starts all threads of its pool with the first piece of work, and before this returns (init_once in threadpool.c).
  access("/", () => {});
  check(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "prctl", about);
  // Groups first: afterwards it would not be permitted.
  check(
    libc.setgroups(groups.length, new Uint8Array(Uint32Array.from(groups).buffer)),
    "setgroups",
    about,
    TAKES,
  );
  check(libc.setresgid(gid, gid, gid), "setresgid", about, TAKES);
  check(libc.setresuid(uid, uid, uid), "setresuid", about, TAKES);
  check(libc.prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0), "prctl", about);
  for (const thread of readdirSync("/proc/self/task")) assertChanged(thread, uid, gid);
}

/** A thread that glibc does not know would still be root: one of a library that makes its own, or of io_uring (CVE-2024-22017). */
function assertChanged(thread: string, uid: number, gid: number): void {
  let status: string;
  try {
    status = readFileSync(`/proc/self/task/${thread}/status`, "utf8");
  } catch {
    return; // it has ended
  }
  // Real, effective, saved and file system's.
  const changed = [`Uid:${`\t${uid}`.repeat(4)}`, `Gid:${`\t${gid}`.repeat(4)}`];
  if (!changed.every((line) => status.includes(`\n${line}\n`)))
    throw new SpangateError("SYSTEM_CALL", `Thread ${thread} does not have uid ${uid} and gid ${gid}.`);
}
