// What the machine's processors did meanwhile: all of them, as interrupts work for whoever sends and are nobody's. What processes
// that have nothing to do with the measurement took is known by process, and is taken off.

import { readdirSync, readFileSync } from "node:fs";

/** Seconds of all processors together. */
export interface Processors {
  /** Neither idle nor stolen. */
  readonly busy: number;
  /** Taken away by the host. */
  readonly stolen: number;
  /** Of `busy`: processes that are neither this one nor come from it. */
  readonly others: number;
}

/** A second, of USER_HZ. */
export const TICKS = 100;

/** Cycles a second of the first processor: what its time stamp counter runs with where it is constant. */
export function frequency(): number {
  const [, megahertz] = /^cpu MHz\s*:\s*([\d.]+)/m.exec(readFileSync("/proc/cpuinfo", "utf8")) ?? [];
  return Number(megahertz) * 1e6;
}

/** Since the machine was started. */
export function readProcessors(): Processors {
  const [user, nice, system, , , irq, softirq, steal] = readFileSync("/proc/stat", "utf8")
    .split("\n", 1)[0]!
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number) as number[];
  return {
    busy: (user! + nice! + system! + irq! + softirq!) / TICKS,
    stolen: steal! / TICKS,
    others: readOthers() / TICKS,
  };
}

export function since(before: Processors, after: Processors): Processors {
  return {
    busy: after.busy - before.busy,
    stolen: after.stolen - before.stolen,
    others: Math.max(0, after.others - before.others),
  };
}

interface ProcessTimes {
  readonly parent: number;
  /** Ticks, with those of its children that have ended. */
  readonly ticks: number;
  readonly isKernel: boolean;
}

function readOthers(): number {
  const processes = new Map<number, ProcessTimes>();
  for (const name of readdirSync("/proc")) {
    const times = /^\d+$/.test(name) ? timesOf(name) : undefined;
    if (times !== undefined) processes.set(Number(name), times);
  }
  let ticks = 0;
  for (const [pid, times] of processes) if (!times.isKernel && !isOurs(pid, processes)) ticks += times.ticks;
  return ticks;
}

const KERNEL_THREAD = 0x0020_0000; // PF_KTHREAD

function timesOf(pid: string): ProcessTimes | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined; // it has just ended
  }
  // The name, in brackets, may contain anything.
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const [parent, flags] = [fields[1]!, fields[6]!];
  const ticks = fields.slice(11, 15).reduce((sum, value) => sum + value, 0);
  return { parent, ticks, isKernel: (flags & KERNEL_THREAD) !== 0 };
}

function isOurs(pid: number, processes: ReadonlyMap<number, ProcessTimes>): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 1; at = processes.get(at)?.parent) {
    if (at === process.pid) return true;
  }
  return false;
}

/** How much of one processor others take now, over a second. */
export async function othersNow(): Promise<number> {
  const [begin, before] = [performance.now(), readProcessors()];
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const { others } = since(before, readProcessors());
  return others / ((performance.now() - begin) / 1000);
}
