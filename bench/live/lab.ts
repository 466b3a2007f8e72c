// Where live traffic is measured: three network namespaces and the links between them, gone when this process is, however it ends.
//
//   source ── s0 ═══ t0 ── gateway ── d0 ═══ d1 ── sniffer
//      └───── r0 ═══ r1 ─────┘          r1: where the sender alone is measured

import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { whenLeaving } from "./leaving.js";

export interface LabOptions {
  /** Of each end of each link. */
  readonly queues: number;
  /** Packets that arrive are taken in by a thread of their own, not by whoever sent them. */
  readonly threaded: boolean;
  /** Of both links. */
  readonly mtu: number;
}

/** Frames are addressed to it. */
export const GATEWAY_MAC = "02:bb:00:00:00:0b";
export const GATEWAY_ADDRESS = "10.77.0.2";
/** Every frame is delivered to it. */
export const SNIFFER_MAC = "02:00:00:00:0a:01";

const LINKS = [
  ["source", "s0", "gateway", "t0"],
  ["source", "r0", "gateway", "r1"],
  ["gateway", "d0", "sniffer", "d1"],
] as const;

/** Each frame is to be one frame: nothing put together, nothing taken off. */
const OFFLOADS = ["tso", "gso", "rxvlan", "txvlan"];

export class Lab {
  static #count = 0;
  #isOpen = true;
  readonly source: string;
  readonly gateway: string;
  readonly sniffer: string;
  readonly options: LabOptions;

  private constructor(options: LabOptions) {
    const name = `sgbench-${process.pid}-${Lab.#count++}`;
    this.source = `${name}-source`;
    this.gateway = `${name}-gateway`;
    this.sniffer = `${name}-sniffer`;
    this.options = options;
  }

  /** Makes namespaces and links. Throws when that fails, and leaves nothing. */
  static create(options: Partial<LabOptions> = {}): Lab {
    const lab = new Lab({ queues: 1, threaded: false, mtu: 1700, ...options });
    whenLeaving(() => lab.dispose());
    try {
      lab.#build();
    } catch (error) {
      lab.dispose();
      throw error;
    }
    return lab;
  }

  /**
   * How a process is begun that is measured: on any processor but the first, which is the sender's. The sender waits without
   * sleeping, and whoever is woken there would wait for its turn for milliseconds.
   */
  static begin(namespace: string, ...command: string[]): string[] {
    const last = availableParallelism() - 1;
    const pinned = last > 0 ? ["taskset", "-c", last > 1 ? `1-${last}` : "1"] : [];
    return ["ip", "netns", "exec", namespace, ...pinned, ...command];
  }

  /** Runs a command in a namespace and gives what it wrote. Throws when it fails, with its complaint. */
  run(namespace: string, command: string, ...args: string[]): string {
    return execute("ip", ["netns", "exec", namespace, command, ...args]);
  }

  /** Of an interface of the gateway: whether it can take live frames without native XDP. */
  setGro(interfaceName: "t0", on: boolean): void {
    this.run(this.gateway, "ethtool", "-K", interfaceName, "gro", on ? "on" : "off");
  }

  /** Packets that the kernel says were lost on the way into an interface. */
  droppedAt(namespace: string, interfaceName: string): number {
    const [link] = JSON.parse(
      this.run(namespace, "ip", "-j", "-s", "link", "show", "dev", interfaceName),
    ) as [{ stats64: { rx: { dropped: number } } }];
    return link.stats64.rx.dropped;
  }

  /** Ends whatever still runs in the namespaces, and removes them. */
  dispose(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const namespace of [this.sniffer, this.gateway, this.source]) {
      try {
        for (const pid of execute("ip", ["netns", "pids", namespace]).split("\n")) end(Number(pid));
        execute("ip", ["netns", "delete", namespace]);
      } catch {
        // It was not made, or is gone.
      }
    }
  }

  #build(): void {
    for (const namespace of [this.source, this.gateway, this.sniffer]) {
      execute("ip", ["netns", "add", namespace]);
      // Nobody asks for neighbours: every frame on a link is one that was sent for measuring.
      this.run(namespace, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1");
      this.run(namespace, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1");
      this.run(namespace, "ip", "link", "set", "lo", "up");
    }
    for (const [left, leftName, right, rightName] of LINKS)
      this.#link(this[left], leftName, this[right], rightName);
    this.run(this.gateway, "ip", "link", "set", "t0", "address", GATEWAY_MAC);
    this.run(this.gateway, "ip", "address", "add", `${GATEWAY_ADDRESS}/16`, "dev", "t0");
    this.run(this.sniffer, "ip", "link", "set", "d1", "address", SNIFFER_MAC);
  }

  #link(left: string, leftName: string, right: string, rightName: string): void {
    const queues = String(this.options.queues);
    const half = ["numtxqueues", queues, "numrxqueues", queues];
    const peer = ["peer", "name", rightName, "netns", right, ...half];
    execute("ip", ["link", "add", leftName, "netns", left, ...half, "type", "veth", ...peer]);
    for (const [namespace, name] of [
      [left, leftName],
      [right, rightName],
    ] as const) {
      for (const offload of OFFLOADS) this.run(namespace, "ethtool", "-K", name, offload, "off");
      this.run(namespace, "ip", "link", "set", name, "mtu", String(this.options.mtu), "up");
      if (this.options.threaded) this.#thread(namespace, name);
    }
  }

  #thread(namespace: string, name: string): void {
    this.run(namespace, "sh", "-c", `echo 1 > /sys/class/net/${name}/threaded`);
  }
}

function execute(command: string, args: readonly string[]): string {
  return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

function end(pid: number): void {
  if (pid <= 0) return;
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // it has just ended
  }
}
