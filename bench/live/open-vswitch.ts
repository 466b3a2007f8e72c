// Open vSwitch in user space with AF_XDP ports: an underlay bridge that ends the tunnel, and a bridge that sets the MAC. Its own
// daemons in a folder of its own; the machine's Open vSwitch, if one runs, is not touched.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child, isInstalled } from "./child.js";
import type { LiveContender, Running } from "./contenders.js";
import { GATEWAY_ADDRESS, GATEWAY_MAC, type Lab, SNIFFER_MAC } from "./lab.js";
import { whenLeaving } from "./leaving.js";

const SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";
/** The second processor: the sender has the first. */
const PMD_MASK = "0x2";

export function openVSwitch(mode: "native" | "generic"): LiveContender {
  return {
    name: `Open vSwitch afxdp, ${mode}`,
    encapsulation: "ERSPAN II",
    decapsulates: true,
    mode: mode === "native" ? "native" : "skb",
    sink: "tcx",
    spins: true,
    missing: () =>
      isInstalled("ovs-vswitchd") && isInstalled("ovsdb-server")
        ? undefined
        : "Open vSwitch is not installed (Debian: openvswitch-switch)",
    start: (lab) => start(lab, mode),
  };
}

async function start(lab: Lab, mode: "native" | "generic"): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), "spangate-live-ovs-"));
  whenLeaving(() => rmSync(folder, { recursive: true, force: true }));
  const database = join(folder, "db.sock");
  const control = join(folder, "vswitchd.ctl");
  const environment = { OVS_RUNDIR: folder, OVS_LOGDIR: folder, OVS_DBDIR: folder };
  const children: Child[] = [];
  const run = (command: string, ...args: string[]) => lab.run(lab.gateway, command, ...args);
  const configure = (...args: string[]) => run("ovs-vsctl", `--db=unix:${database}`, "--timeout=10", ...args);
  const ask = (...args: string[]) => run("ovs-appctl", "-t", control, ...args);
  const stop = async () => {
    for (const child of children.reverse()) await child.stop();
  };
  try {
    run("ovsdb-tool", "create", join(folder, "conf.db"), SCHEMA);
    const server = ["ovsdb-server", join(folder, "conf.db"), `--remote=punix:${database}`];
    children.push(new Child(lab.gateway, [...server, `--unixctl=${folder}/db.ctl`], environment));
    await answered(() => configure("--no-wait", "init"));
    configure("--no-wait", "set", "Open_vSwitch", ".", `other_config:pmd-cpu-mask=${PMD_MASK}`);
    const daemon = ["ovs-vswitchd", `unix:${database}`, `--unixctl=${control}`, "--no-chdir"];
    children.push(new Child(lab.gateway, daemon, environment));
    await answered(() => ask("version"));
    // The address belongs to the underlay bridge now.
    run("ip", "address", "flush", "dev", "t0");
    addBridges(configure, mode);
    run("ip", "address", "add", `${GATEWAY_ADDRESS}/16`, "dev", "under");
    run("ip", "link", "set", "under", "up");
    const flows = (bridge: string, flow: string) => run("ovs-ofctl", "add-flow", bridge, flow);
    flows(`unix:${folder}/under.mgmt`, "in_port=t0,actions=LOCAL");
    flows(`unix:${folder}/inner.mgmt`, `in_port=tunnel,actions=mod_dl_dst:${SNIFFER_MAC},output:d0`);
    await sleep(1000); // PMD threads take their queues
  } catch (error) {
    await stop();
    throw error;
  }
  const report = async () => {
    const cycles = cyclesOf(ask("dpif-netdev/pmd-stats-show"));
    ask("dpif-netdev/pmd-stats-clear");
    return cycles;
  };
  return { pid: children[1]!.pid, report, stop };
}

function addBridges(configure: (...args: string[]) => string, mode: string): void {
  const afxdp = ["type=afxdp", "options:n_rxq=1", `options:xdp-mode=${mode}`];
  const netdev = (bridge: string) => ["--", "set", "bridge", bridge, "datapath_type=netdev"];
  configure("add-br", "under", ...netdev("under"), `other-config:hwaddr="${GATEWAY_MAC}"`);
  configure("add-br", "inner", ...netdev("inner"));
  for (const bridge of ["under", "inner"]) configure("set", "bridge", bridge, "fail-mode=secure");
  configure("add-port", "under", "t0", "--", "set", "interface", "t0", ...afxdp);
  configure("add-port", "inner", "d0", "--", "set", "interface", "d0", ...afxdp);
  const tunnel = ["type=erspan", "options:remote_ip=flow", "options:key=flow", "options:erspan_ver=flow"];
  configure("add-port", "inner", "tunnel", "--", "set", "interface", "tunnel", ...tunnel);
}

/** A daemon answers a little after it was started. */
async function answered(question: () => unknown): Promise<void> {
  for (let turn = 0; ; turn++) {
    try {
      question();
      return;
    } catch (error) {
      if (turn === 50) throw error;
      await sleep(100);
    }
  }
}

/** Of the busiest thread: those without packets say nothing. */
function cyclesOf(text: string): Record<string, number> {
  const all = [...text.matchAll(/avg processing cycles per packet: ([\d.]+)/g)];
  const number = all.length === 0 ? Number.NaN : Math.max(...all.map(([, cycles]) => Number(cycles)));
  return { processingCyclesPerPacket: number };
}
