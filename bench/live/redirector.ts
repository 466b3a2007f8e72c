// A redirecting XDP program that takes the tunnel off: what the kernel can do at most.

import type { LiveContender } from "./contenders.js";
import { SNIFFER_MAC } from "./lab.js";

const ERSPAN_TWO = 50;

export function redirector(mode: "native" | "skb"): LiveContender {
  return {
    name: `XDP redirect, ${mode}`,
    encapsulation: "ERSPAN II",
    decapsulates: true,
    mode,
    sink: mode === "native" ? "native" : "tcx",
    missing: () => undefined,
    async start(lab, programs) {
      const args = ["t0", "d0", mode, String(ERSPAN_TWO), SNIFFER_MAC];
      const service = await programs.start(lab.gateway, "redirector", ...args);
      return {
        pid: service.pid,
        report: () => service.ask<{ packets: number }>("report"),
        stop: async () => void (await service.stop()),
      };
    },
  };
}
