// `xdp-bench redirect` of xdp-tools: frames as they are from one interface to the other, without leaving the kernel.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Child, isInstalled } from "./child.js";
import type { LiveContender } from "./contenders.js";

export function xdpBench(mode: "native" | "skb"): LiveContender {
  return {
    name: `xdp-bench redirect, ${mode}`,
    encapsulation: "ERSPAN II",
    decapsulates: false,
    mode,
    sink: mode === "native" ? "native" : "tcx",
    missing,
    async start(lab) {
      const args = ["xdp-bench", "redirect", "--mode", mode, "--interval", "1", "t0", "d0"];
      const child = new Child(lab.gateway, args);
      await child.until(() => lab.run(lab.gateway, "ip", "link", "show", "t0").includes("prog/xdp"));
      await sleep(200);
      return { pid: child.pid, stop: () => child.stop() };
    },
  };
}

function missing(): string | undefined {
  if (!isInstalled("xdp-bench")) return "xdp-bench is not installed (Debian: xdp-tools)";
  // Version 1.3.1 attaches to tracepoints that nobody used and that Linux 6.18 no longer has.
  const types = readFileSync("/sys/kernel/btf/vmlinux");
  if (types.includes("btf_trace_xdp_redirect_map_err")) return undefined;
  return "this kernel has no tracepoint xdp_redirect_map_err, without which it does not load";
}
