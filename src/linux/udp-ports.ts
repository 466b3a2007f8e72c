// Who holds which UDP ports in this network namespace: procfs says it of sockets (proc(5), /proc/net/udp), and of processes which sockets
// they have.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { type Address, addressOfBytes } from "./ip.js";

export interface PortHolder {
  readonly port: number;
  readonly address: Address;
  /** 0.0.0.0 or ::, that is every address. */
  readonly isUnspecified: boolean;
  /** Undefined of a socket of the kernel's own, or of a process that this one may not look into. */
  readonly process?: { readonly pid: number; readonly name: string };
}

/** All that are bound. */
export function portHolders(): PortHolder[] {
  const sockets = ["udp", "udp6"].flatMap(socketsOf);
  const owners = ownersOf(new Set(sockets.map(({ inode }) => inode)));
  return sockets.map(({ inode, ...socket }) => {
    const process = owners.get(inode);
    return process === undefined ? socket : { ...socket, process };
  });
}

type Socket = Omit<PortHolder, "process"> & { readonly inode: number };

/** Lines of `number: ADDRESS:PORT remote state queues timer retransmits uid timeout inode …`, words of addresses in the machine's order. */
function socketsOf(family: string): Socket[] {
  let text: string;
  try {
    text = readFileSync(`/proc/net/${family}`, "utf8");
  } catch {
    return []; // no IPv6
  }
  return text
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => {
      const fields = line.trim().split(/\s+/);
      const [hex = "", port = ""] = (fields[1] ?? "").split(":");
      const bytes = Buffer.from(hex, "hex").swap32();
      const address = addressOfBytes(bytes);
      const isUnspecified = bytes.every((byte) => byte === 0);
      return { port: Number.parseInt(port, 16), address, isUnspecified, inode: Number(fields[9]) };
    });
}

function ownersOf(inodes: ReadonlySet<number>): Map<number, { pid: number; name: string }> {
  const owners = new Map<number, { pid: number; name: string }>();
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        const [, number] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? [];
        const inode = Number(number);
        if (!inodes.has(inode) || owners.has(inode)) continue;
        owners.set(inode, { pid, name: readFileSync(`/proc/${pid}/comm`, "utf8").trim() });
      }
    } catch {
      // It has ended, or may not be looked into.
    }
  }
  return owners;
}
