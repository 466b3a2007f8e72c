// What the kernel counts of an interface, where sysfs shows it: a process of another network namespace may have none.

import { readFileSync } from "node:fs";

/** Packets that have come in by an interface since it was made, of any kind; undefined when nobody says. */
export function arrivedPackets(name: string): number | undefined {
  try {
    return Number(readFileSync(`/sys/class/net/${name}/statistics/rx_packets`, "utf8"));
  } catch {
    return undefined;
  }
}
