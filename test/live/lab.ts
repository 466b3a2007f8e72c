// A laboratory: network namespaces, the links between them and the processes in them. Everything it makes has its own prefix and
// is gone after `close()`, and also when the test that made it is killed (keeper.sh).

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { threadId } from "node:worker_threads";
import { setSysctls, sysctl } from "./namespace.js";
import { RawPort, type RawPortOptions } from "./raw-port.js";
import { Running, type StartOptions } from "./running.js";

const KEEPER = fileURLToPath(new URL("keeper.sh", import.meta.url));
const OFFLOADS = "rx tx sg tso gso gro rxvlan txvlan rx-vlan-stag-hw-parse tx-vlan-stag-hw-insert".split(" ");
/**
 * A frame waits in the queue of the processor on which it was sent: a sender that moves to another overtakes itself. With one
 * processor named, all that arrives at the interface is in one queue.
 */
const ONE_CPU = 'echo 1 >"/sys/class/net/$1/queues/rx-0/rps_cpus"';
let laboratories = 0;

/** One end of a link. */
export interface End {
  readonly namespace: string;
  readonly name: string;
  readonly mac?: string;
  /** With prefix length: `192.0.2.1/24`. An IPv6 address takes a namespace with `ipv6`. */
  readonly addresses?: readonly string[];
  /** Receive and transmit queues; 1 when absent, and only then what is sent from here or there stays in order. */
  readonly queues?: number;
  /** Speaks by itself, as a host does: false for ports of switches and machines whose frames all come from the test. */
  readonly silent?: boolean;
  /** These are left on; all others are off, so that what is captured is what was on the wire. */
  readonly offloads?: readonly string[];
}

export interface LinkOptions {
  /** 2,000 when absent: a tenant's longest frame in any tunnel fits. */
  readonly mtu?: number;
}

export class Lab {
  readonly directory: string;
  readonly #prefix: string;
  readonly #keeper: ChildProcess;
  readonly #closers: (() => unknown)[] = [];
  readonly #peers = new Map<string, End>();
  #keeperSaid = "";
  #macs = 0;
  #closing: Promise<void> | undefined;

  constructor() {
    this.#prefix = `${prefixOf(process.pid)}${threadId}.${++laboratories}-`;
    this.directory = mkdtempSync(join(tmpdir(), this.#prefix));
    // In a session of its own: Ctrl-C at the terminal is for the test, the keeper comes after it.
    this.#keeper = spawn(KEEPER, [this.#prefix, this.directory], {
      detached: true,
      stdio: ["pipe", "ignore", "pipe"],
    });
    this.#keeper.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#keeperSaid += text;
    });
  }

  /** A new namespace; its name. It answers every faulty packet with ICMP, however many: a reply too many must not be hidden. */
  async namespace(label: string, { ipv6 = false } = {}): Promise<string> {
    const name = this.#prefix + label;
    await this.#command("ip", ["netns", "add", name]);
    await this.ip(name, "link set lo up");
    setSysctls(name, {
      "net.ipv6.conf.all.disable_ipv6": ipv6 ? 0 : 1,
      "net.ipv6.conf.default.disable_ipv6": ipv6 ? 0 : 1,
      // Nothing but the addresses asked for, and nobody asks for routers.
      "net.ipv6.conf.default.addr_gen_mode": 1,
      "net.ipv6.conf.default.router_solicitations": 0,
      "net.ipv4.icmp_ratelimit": 0,
      "net.ipv4.icmp_ratemask": 0, // those in the mask are under a limit of the whole machine besides
      "net.ipv6.icmp.ratelimit": 0,
      "net.ipv6.icmp.ratemask": 127, // nobody's
    });
    return name;
  }

  /** A cable: a veth pair, up at both ends. */
  async link(a: End, b: End, { mtu = 2000 }: LinkOptions = {}): Promise<void> {
    const side = ({ namespace, name, mac = this.mac(), queues = 1 }: End) =>
      `name ${name} netns ${namespace} mtu ${mtu} address ${mac} numtxqueues ${queues} numrxqueues ${queues}`;
    await this.ip(a.namespace, `link add ${side(a)} type veth peer ${side(b)}`);
    for (const [end, peer] of [
      [a, b],
      [b, a],
    ] as const) {
      const { namespace, name, addresses = [], queues = 1, silent = false, offloads = [] } = end;
      this.#peers.set(`${namespace} ${name}`, peer);
      if (silent) setSysctls(namespace, { [`net/ipv6/conf/${name}/disable_ipv6`]: 1 });
      const off = OFFLOADS.filter((offload) => !offloads.includes(offload));
      await this.run(namespace, "ethtool", ["-K", name, ...off.flatMap((offload) => [offload, "off"])]);
      if (queues === 1) await this.run(namespace, "sh", ["-c", ONE_CPU, "sh", name]);
      await this.ip(
        namespace,
        `link set ${name} ${silent ? "arp off multicast off " : ""}up`,
        // Without `nodad` an IPv6 address is not there for another second.
        ...addresses.map(
          (address) => `addr add ${address} dev ${name}${address.includes(":") ? " nodad" : ""}`,
        ),
      );
    }
  }

  /** A MAC address that no other of this laboratory has. */
  mac(): string {
    const number = ++this.#macs;
    return `02:5a:00:00:${hex(number >> 8)}:${hex(number & 0xff)}`;
  }

  /** Where the other end of a link is; undefined for what is no link of this laboratory. */
  peer(namespace: string, name: string): End | undefined {
    return this.#peers.get(`${namespace} ${name}`);
  }

  /** Lines for `ip -batch`. */
  async ip(namespace: string, ...lines: readonly string[]): Promise<void> {
    await this.#command("ip", ["-n", namespace, "-batch", "-"], `${lines.join("\n")}\n`);
  }

  sysctl(namespace: string, values: Readonly<Record<string, string | number>>): void {
    setSysctls(namespace, values);
  }

  readSysctl(namespace: string, name: string): string {
    return sysctl(namespace, name);
  }

  /** Runs a command to its end and gives its standard output; fails when it does. */
  run(namespace: string, command: string, args: readonly string[] = [], input = ""): Promise<string> {
    return this.#command("ip", ["netns", "exec", namespace, command, ...args], input);
  }

  /** Starts a process that stays until it is stopped or the laboratory closes. Its pid is the program's own. */
  async start(
    namespace: string,
    command: string,
    args: readonly string[] = [],
    options: StartOptions = {},
  ): Promise<Running> {
    const env = { ...options.env, SPANGATE_LAB: this.#prefix };
    // `ip netns exec` becomes the program, so that there is nobody between us and it; /sys is the namespace's there.
    const running = await Running.start("ip", ["netns", "exec", namespace, command, ...args], {
      ...options,
      env,
    });
    this.onClose(() => running.stop());
    return running;
  }

  /** A raw socket on an interface, for exact bytes. */
  port(namespace: string, name: string, options: RawPortOptions = {}): RawPort {
    const port = new RawPort(namespace, name, options);
    this.onClose(() => port.close());
    return port;
  }

  /** Things are closed in the reverse of the order in which they were made. */
  onClose(closer: () => unknown): void {
    if (this.#closing !== undefined) throw new Error("The laboratory is closed");
    this.#closers.push(closer);
  }

  /** @throws AggregateError of what went wrong on the way, and of what is left */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const errors: unknown[] = [];
    for (const closer of this.#closers.reverse()) {
      try {
        await closer();
      } catch (error) {
        errors.push(error);
      }
    }
    const ended = once(this.#keeper, "close");
    this.#keeper.stdin!.end();
    await ended;
    if (this.#keeperSaid !== "") errors.push(new Error(this.#keeperSaid));
    const left = this.leftovers();
    if (left.length > 0) errors.push(new Error(`Not cleaned up: ${left.join(", ")}`));
    if (errors.length > 0) throw new AggregateError(errors, errors.join("\n"));
  }

  #command(command: string, args: readonly string[], input = ""): Promise<string> {
    return new Promise((resolve, reject) => {
      const env = { ...process.env, SPANGATE_LAB: this.#prefix };
      const child = execFile(command, args, { maxBuffer: 1 << 28, env }, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`${command} ${args.join(" ")}\n${input}${stderr || error.message}`));
      });
      child.stdin!.on("error", () => {}); // ended before it had read all: its code tells
      child.stdin!.end(input);
    });
  }

  /** What this laboratory has on this machine: nothing when it is closed. */
  leftovers(): string[] {
    return leftoversOf(this.#prefix);
  }

  /** What all laboratories of a process have: namespaces, interfaces, directories, processes. */
  static leftovers(pid = process.pid): string[] {
    return leftoversOf(prefixOf(pid));
  }
}

function leftoversOf(prefix: string): string[] {
  const named = (folder: string) =>
    existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith(prefix)) : [];
  const processes = readdirSync("/proc").filter((entry) => {
    try {
      return readFileSync(`/proc/${entry}/environ`, "latin1").includes(`SPANGATE_LAB=${prefix}`);
    } catch {
      return false; // no process, or one that has just ended
    }
  });
  return [
    ...named("/run/netns").map((name) => `namespace ${name}`),
    ...named("/sys/class/net").map((name) => `interface ${name}`),
    ...named(tmpdir()).map((name) => `directory ${join(tmpdir(), name)}`),
    ...processes.map((process) => `process ${process}`),
  ];
}

const prefixOf = (pid: number) => `sg-${pid}-`;
const hex = (byte: number) => byte.toString(16).padStart(2, "0");
