// Forwarding by the package `cap`: a packet, a call.

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { Child } from "./child.js";
import type { LiveContender } from "./contenders.js";
import { SNIFFER_MAC } from "./lab.js";

const PROGRAM = fileURLToPath(new URL("cap-forwarder.js", import.meta.url));
const ERSPAN_TWO = 50;

/** Why the package is of no use here. */
export function withoutCap(): string | undefined {
  try {
    createRequire(import.meta.url)("cap");
    return undefined;
  } catch (error) {
    return `the package cap does not load: ${(error as Error).message}`;
  }
}

export const capForwarding: LiveContender = {
  name: "cap",
  encapsulation: "ERSPAN II",
  decapsulates: true,
  mode: "skb",
  sink: "tcx",
  missing: withoutCap,
  async start(lab) {
    const args = [process.execPath, PROGRAM, "t0", "d0", String(ERSPAN_TWO), SNIFFER_MAC];
    const child = new Child(lab.gateway, args);
    await child.until((output) => output.includes("ready\n"));
    return { pid: child.pid, stop: () => child.stop() };
  },
};
