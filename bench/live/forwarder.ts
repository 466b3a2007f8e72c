// The plain AF_XDP forwarder in C: what user space can do at most.

import type { LiveContender } from "./contenders.js";
import { SNIFFER_MAC } from "./lab.js";

interface ForwarderReport {
  readonly received: number;
  readonly sent: number;
  readonly calls: number;
  readonly polls: number;
  readonly statistics: Readonly<Record<"dropped" | "ringFull" | "fillEmpty", number>>;
}

export function forwarder(mode: "native" | "skb"): LiveContender {
  return {
    name: `C forwarder, ${mode}`,
    encapsulation: "ERSPAN II",
    decapsulates: true,
    mode,
    sink: "tcx",
    missing: () => undefined,
    async start(lab, programs) {
      const service = await programs.start(lab.gateway, "forwarder", "t0", "d0", mode, "--mac", SNIFFER_MAC);
      return {
        pid: service.pid,
        async report() {
          const { statistics, ...rest } = await service.ask<ForwarderReport>("report");
          return { ...rest, ...statistics };
        },
        stop: async () => void (await service.stop()),
      };
    },
  };
}
