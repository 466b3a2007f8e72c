// Our own backends: `spangate run` in the gateway's namespace, one tenant with every ERSPAN session, one sniffer.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Child } from "./child.js";
import type { LiveContender } from "./contenders.js";
import { GATEWAY_ADDRESS, SNIFFER_MAC } from "./lab.js";

const PROGRAM = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

/** @param mode in which the tunnel's interface gives frames to programs: `skb` where there is none */
function contender(backend: "afxdp" | "afpacket", mode: "native" | "skb"): LiveContender {
  return {
    name: backend === "afxdp" ? `spangate afxdp, ${mode}` : "spangate afpacket",
    encapsulation: "ERSPAN II",
    decapsulates: true,
    mode,
    sink: "tcx",
    missing: () => undefined,
    async start(lab) {
      const folder = mkdtempSync(join(tmpdir(), "spangate-live-"));
      const file = join(folder, "gateway.yaml");
      writeFileSync(file, JSON.stringify(configuration(backend, mode)));
      const child = new Child(lab.gateway, [process.execPath, PROGRAM, "run", file]);
      await child.until((output) => output.includes("spangate: ready"));
      return {
        pid: child.pid,
        async stop() {
          await child.stop();
          rmSync(folder, { recursive: true, force: true });
        },
      };
    },
  };
}

function configuration(backend: string, xdp: string) {
  return {
    tunnel: { interface: "t0", addresses: [GATEWAY_ADDRESS], backend, xdp },
    delivery: { interface: "d0", mtu: 1700 },
    sniffers: [{ name: "sniffer", deliver: "mac", mac: SNIFFER_MAC }],
    tenants: [
      {
        name: "tenant",
        sources: [{ encapsulation: "erspan", from: "10.77.1.0/24" }],
        sniffers: ["sniffer"],
      },
    ],
  };
}

export const spangate: readonly LiveContender[] = [
  contender("afxdp", "native"),
  contender("afxdp", "skb"),
  contender("afpacket", "skb"),
];
