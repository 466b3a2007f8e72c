// Where a NIC's interrupts go: a processor that takes those of several queues is the bottleneck of all of them.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Finding, ok, warn } from "./finding.js";

/** @param root of sysfs and procfs, for tests */
export function interruptFindings(name: string, workers: number, root = "/"): Finding[] {
  const check = "interrupts";
  const folder = join(root, "sys/class/net", name, "device/msi_irqs");
  // Virtual interfaces have none.
  if (workers < 2 || !existsSync(folder)) return [];
  const interrupts = readdirSync(folder).flatMap((number) => {
    const processors = affinityOf(join(root, "proc/irq", number));
    return processors === undefined ? [] : [{ number, processors }];
  });
  if (interrupts.length < 2) return [];
  const places = new Set(interrupts.map(({ processors }) => processors));
  if (places.size > 1) return [ok(check, `those of ${name} go to processors ${[...places].join("; ")}`)];
  const text = `all of ${name} go to processor ${[...places][0]}, and ${workers} workers wait for it`;
  const mend = interrupts
    .map(({ number }, i) => `echo ${i % workers} > /proc/irq/${number}/smp_affinity_list`)
    .join("; ");
  return [warn(check, text, mend)];
}

/** Undefined of one that is not in use. */
function affinityOf(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, "smp_affinity_list"), "utf8").trim();
  } catch {
    return undefined;
  }
}
