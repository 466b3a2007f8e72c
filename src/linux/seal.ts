// The seal: no thread of the process has a capability any more, nor a way to get one.
//
// capset(2) changes the calling thread only, and nobody can change another's. So the order does it:
// - `becomeUser` has every thread change its uid (glibc sends each a signal), and the kernel takes from a thread that was root what it
//   had (capabilities(7), "Effect of user ID changes"): the threads of V8 and libuv, which have no PR_SET_KEEPCAPS;
// - the calling thread gives up its own with `seal`;
// - threads that it starts afterwards are born without.
// There is no such change of uid for a process that stays root, or that was another user from the beginning and has ambient
// capabilities: there the threads that Node starts before any of our code runs would keep theirs. That is refused.

import { readdirSync, readFileSync } from "node:fs";
import { SpangateError } from "../errors.js";
import { declareSealed } from "./libc.js";
import { dropAll, isChange } from "./privileges.js";

/** @throws SpangateError USAGE when `seal` could not hold for all threads */
export function assertSealable(user: string | undefined): void {
  const changes = user !== undefined && isChange(user);
  if (changes || threadsWithCapabilities().length === 0) return;
  throw new SpangateError(
    "USAGE",
    "`sealed: true` takes a gateway that is started as root and a `user` that it becomes, other than root: " +
      "only then do the threads which run already lose what they may do.",
  );
}

/** For the calling thread and those that it starts. From then on what the kernel refuses is refused as SEALED. */
export function seal(): void {
  dropAll();
  declareSealed();
}

/** @throws SpangateError SYSTEM_CALL when a thread has a capability */
export function assertSealed(): void {
  const threads = threadsWithCapabilities();
  if (threads.length === 0) return;
  throw new SpangateError("SYSTEM_CALL", `Threads ${threads.join(", ")} still have capabilities.`, {
    details: { threads },
  });
}

function threadsWithCapabilities(): string[] {
  return readdirSync("/proc/self/task").filter((thread) => {
    let status: string;
    try {
      status = readFileSync(`/proc/self/task/${thread}/status`, "utf8");
    } catch {
      return false; // it has ended
    }
    return /^Cap(Inh|Prm|Eff|Amb):\t(?!0+$)/m.test(status);
  });
}
