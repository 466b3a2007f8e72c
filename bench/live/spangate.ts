// Our own backends: `spangate run` in the gateway's namespace.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withoutCap } from "./cap.js";
import { Child } from "./child.js";
import type { LiveContender } from "./contenders.js";
import { TICKS } from "./cpu.js";
import { GATEWAY_ADDRESS, type Lab, SNIFFER_MAC } from "./lab.js";
import { whenLeaving } from "./leaving.js";

const PROGRAM = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));
/** With 10,000 sniffers it is ready some seconds after it was begun. */
const PATIENCE = 60;

/** Who has which sessions, as `sniffers` and `tenants` of a configuration. */
export interface Tenancy {
  readonly sniffers: readonly object[];
  readonly tenants: readonly object[];
}

export interface Way {
  readonly backend: "afxdp" | "afpacket" | "libpcap";
  /** In which the tunnel's interface gives frames to programs: `skb` where there is none. */
  readonly mode: "native" | "skb";
}

/** One tenant with every ERSPAN session, one sniffer. */
const ONE: Tenancy = {
  sniffers: [{ name: "sniffer", deliver: "mac", mac: SNIFFER_MAC }],
  tenants: [
    {
      name: "tenant",
      sources: [{ encapsulation: "erspan", from: "10.77.1.0/24" }],
      sniffers: ["sniffer"],
    },
  ],
};

export function liveGateway(
  name: string,
  { backend, mode }: Way,
  tenancy: Tenancy,
  hasApi = false,
): LiveContender {
  return {
    name,
    encapsulation: "ERSPAN II",
    decapsulates: true,
    mode,
    sink: "tcx",
    missing: () => (backend === "libpcap" ? withoutCap() : undefined),
    async start(lab: Lab) {
      const folder = mkdtempSync(join(tmpdir(), "spangate-live-"));
      whenLeaving(() => rmSync(folder, { recursive: true, force: true }));
      const file = join(folder, "gateway.yaml");
      const tunnel = { interface: "t0", addresses: [GATEWAY_ADDRESS], backend, xdp: mode };
      const socket = join(folder, "api.sock");
      const api = hasApi ? { api: { socket } } : {};
      const configuration = { ...api, tunnel, delivery: { interface: "d0", mtu: 1700 }, ...tenancy };
      writeFileSync(file, JSON.stringify(configuration));
      const child = new Child(lab.gateway, [process.execPath, PROGRAM, "run", file, "--log", "text"]);
      await child.until((output) => output.includes("spangate: ready"), PATIENCE);
      const report = secondsSince(() => userSeconds(child.pid));
      return {
        pid: child.pid,
        ...(hasApi && { socket }),
        report: async () => ({ userSeconds: report() }),
        stop: () => child.stop(),
      };
    },
  };
}

/** Seconds of processors that a process had for itself, without the kernel's. */
function userSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[11]) / TICKS;
}

/** What came to `now` since the last time. */
function secondsSince(now: () => number): () => number {
  let before = now();
  return () => {
    const last = before;
    before = now();
    return before - last;
  };
}

export const NATIVE: Way = { backend: "afxdp", mode: "native" };

export const spangate: readonly LiveContender[] = [
  liveGateway("spangate afxdp, native", NATIVE, ONE),
  liveGateway("spangate afxdp, skb", { backend: "afxdp", mode: "skb" }, ONE),
  liveGateway("spangate afpacket", { backend: "afpacket", mode: "skb" }, ONE),
  liveGateway("spangate libpcap", { backend: "libpcap", mode: "skb" }, ONE),
];
