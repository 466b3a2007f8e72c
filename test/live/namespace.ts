// This process inside a network namespace for the length of a call. A socket belongs to the namespace in which it was made, a
// sysctl is looked up in that of the thread that asks: so a test can hold raw sockets in many namespaces, with no process in any
// of them that would have to be ended.

import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import koffi from "koffi";

const CLONE_NEWNET = 0x40000000;
const library = koffi.load("libc.so.6");
const setns = library.func("int setns(int, int)") as (fd: number, type: number) => number;
const nametoindex = library.func("uint32_t if_nametoindex(const char *)") as (name: string) => number;

/** What `work` gives. It must not be asynchronous: the thread is elsewhere only until this returns. */
export function within<T>(namespace: string, work: () => T): T {
  const home = openSync("/proc/thread-self/ns/net", "r");
  const there = openSync(`/run/netns/${namespace}`, "r");
  try {
    if (setns(there, CLONE_NEWNET) !== 0) throw new Error(`Cannot enter the namespace ${namespace}`);
    try {
      return work();
    } finally {
      // A thread that cannot come home must do nothing more: it would work on the wrong network.
      if (setns(home, CLONE_NEWNET) !== 0) process.abort();
    }
  } finally {
    closeSync(home);
    closeSync(there);
  }
}

export function interfaceIndex(namespace: string, name: string): number {
  const index = within(namespace, () => nametoindex(name));
  if (index === 0) throw new Error(`${namespace} has no interface ${name}`);
  return index;
}

/** Sets variables such as `net.ipv4.icmp_ratelimit`; an interface's name in one may have dots if it is written with slashes. */
export function setSysctls(namespace: string, values: Readonly<Record<string, string | number>>): void {
  within(namespace, () => {
    for (const [name, value] of Object.entries(values)) writeFileSync(sysctlPath(name), String(value));
  });
}

export function sysctl(namespace: string, name: string): string {
  return within(namespace, () => readFileSync(sysctlPath(name), "utf8").trim());
}

function sysctlPath(name: string): string {
  return `/proc/sys/${name.includes("/") ? name : name.replaceAll(".", "/")}`;
}

const MASK = 128;
const getaffinity = library.func("int sched_getaffinity(int, size_t, void *)") as Affinity;
const setaffinity = library.func("int sched_setaffinity(int, size_t, void *)") as Affinity;
type Affinity = (thread: number, length: number, mask: Uint8Array) => number;

/** Does `work` once on each processor that this thread may use. Frames wait in one queue for each. */
export function onEachCpu(work: (cpu: number) => void): number {
  const allowed = new Uint8Array(MASK);
  if (getaffinity(0, MASK, allowed) < 0) throw new Error("Cannot ask for this thread's processors");
  let count = 0;
  try {
    for (let cpu = 0; cpu < 8 * MASK; cpu++) {
      if ((allowed[cpu >> 3]! & (1 << (cpu & 7))) === 0) continue;
      const one = new Uint8Array(MASK);
      one[cpu >> 3] = 1 << (cpu & 7);
      if (setaffinity(0, MASK, one) !== 0) continue; // it was taken away in between
      work(cpu);
      count++;
    }
  } finally {
    setaffinity(0, MASK, allowed);
  }
  return count;
}
