// Capabilities of the calling thread (capabilities(7), include/uapi/linux/capability.h). Every thread has its own; a thread starts
// with those of the one that made it.

import { check, libc } from "./libc.js";
import { viewOf } from "./netlink-message.js";

/** By number. */
const NAMES = [
  ...["CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP"],
  ...[
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
  ],
  ...[
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
  ],
  ...["SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL"],
  ...["SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ"],
  ...["PERFMON", "BPF", "CHECKPOINT_RESTORE"],
] as const;
/** `NET_ADMIN` is what capabilities(7) calls CAP_NET_ADMIN. */
export type Capability = (typeof NAMES)[number];

export interface Capabilities {
  readonly effective: readonly Capability[];
  readonly permitted: readonly Capability[];
}

const LINUX_CAPABILITY_VERSION_3 = 0x20080522;
const PR_CAPBSET_READ = 23;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;

/** { version:32, thread:32 }; thread 0 is the calling one. */
const HEADER = new Uint8Array(Uint32Array.of(LINUX_CAPABILITY_VERSION_3, 0).buffer);

/** Of the calling thread. */
export function capabilities(): Capabilities {
  // { effective:32, permitted:32, inheritable:32 } of capabilities 0-31, then of 32-63
  const sets = new Uint8Array(24);
  check(libc.capget(HEADER.slice(), sets), "capget", "read the capabilities");
  const view = viewOf(sets);
  const namesAt = (offset: number) =>
    NAMES.filter((_, i) => (view.getUint32(offset + 12 * (i >>> 5), true) >>> (i & 31)) & 1);
  return { effective: namesAt(0), permitted: namesAt(4) };
}

/** Has the calling thread hold `kept` and nothing else, as far as it was permitted. Threads that it starts later follow. */
export function setCapabilities(kept: readonly Capability[]): void {
  const { permitted } = capabilities();
  const sets = new Uint32Array(6);
  for (const [i, name] of NAMES.entries()) {
    if (!kept.includes(name) || !permitted.includes(name)) continue;
    sets[3 * (i >>> 5)]! |= 1 << (i & 31);
    sets[3 * (i >>> 5) + 1]! |= 1 << (i & 31);
  }
  check(libc.capset(HEADER.slice(), new Uint8Array(sets.buffer)), "capset", "give up capabilities");
}

/**
 * Gives up for good what is not in `kept`: a program that this thread starts cannot have it either, be it set-user-id or root's.
 * To take it out of the bounding set takes SETPCAP; without that, no_new_privs alone holds (cap_bprm_creds_from_file).
 */
export function neverAgain(kept: readonly Capability[]): void {
  if (capabilities().effective.includes("SETPCAP")) {
    for (let i = 0; libc.prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++) {
      const name = NAMES[i];
      if (name !== undefined && kept.includes(name)) continue;
      check(libc.prctl(PR_CAPBSET_DROP, i, 0, 0, 0), "prctl", "bound the capabilities");
    }
  }
  check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl", "forgo new privileges");
}
