// Open vSwitch in a namespace, without a kernel module: its userspace datapath, with a database and sockets of its own.

import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "./lab.js";
import type { Running } from "./running.js";
import { until } from "./until.js";

const SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";
const QUIET = ["-vconsole:warn", "-vfile:off", "-vsyslog:off"];
let switches = 0;

/** Where its tunnels begin: a bridge with an address, and the cable into the underlay. */
export interface Underlay {
  /** A port that is there: one end of a cable. */
  readonly port: string;
  readonly mac: string;
  /** With prefix length. */
  readonly addresses: readonly string[];
  /** MAC by address, so that no packet waits for an answer (Open vSwitch drops it meanwhile). Else it asks by ARP. */
  readonly neighbours?: Readonly<Record<string, string>>;
  /** Next hop by destination, with prefix length. */
  readonly routers?: Readonly<Record<string, string>>;
  readonly mtu?: number;
}

export interface Mirror {
  readonly bridge: string;
  readonly name: string;
  /** Whose frames are copied. */
  readonly ports: readonly string[];
  /** `in`: what the port received from its machine; `out`: what it sent there. Both when absent: each frame once. */
  readonly direction?: "in" | "out";
  /** The port that gets the copies. */
  readonly output: string;
}

export const UNDERLAY = "underlay";

export class OpenVSwitch {
  readonly #directory: string;
  #daemons: Running[] = [];

  private constructor(
    private readonly lab: Lab,
    readonly namespace: string,
  ) {
    this.#directory = join(lab.directory, `ovs-${++switches}`);
    mkdirSync(this.#directory);
  }

  static async start(lab: Lab, namespace: string): Promise<OpenVSwitch> {
    const ovs = new OpenVSwitch(lab, namespace);
    const path = (name: string) => join(ovs.#directory, name);
    const variables = ["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"];
    const options = { env: Object.fromEntries(variables.map((name) => [name, ovs.#directory])) };
    await lab.run(namespace, "ovsdb-tool", ["create", path("conf.db"), SCHEMA]);
    const database = [path("conf.db"), `--remote=punix:${path("db.sock")}`, `--unixctl=${path("db.ctl")}`];
    ovs.#daemons.push(await lab.start(namespace, "ovsdb-server", [...database, ...QUIET], options));
    await ovs.#isThere("db.sock");
    await ovs.vsctl("--no-wait", "init");
    const daemon = [`unix:${path("db.sock")}`, `--unixctl=${path("vs.ctl")}`, "--disable-system", ...QUIET];
    ovs.#daemons.push(await lab.start(namespace, "ovs-vswitchd", daemon, options));
    await ovs.#isThere("vs.ctl");
    return ovs;
  }

  /** Returns when the switch has done it. */
  vsctl(...args: readonly string[]): Promise<string> {
    const database = `--db=unix:${join(this.#directory, "db.sock")}`;
    return this.lab.run(this.namespace, "ovs-vsctl", [database, "--timeout=20", ...args]);
  }

  appctl(...args: readonly string[]): Promise<string> {
    return this.lab.run(this.namespace, "ovs-appctl", ["-t", join(this.#directory, "vs.ctl"), ...args]);
  }

  /** Flows by themselves, in place of learning: `in_port=a,actions=output:b`. */
  async flows(bridge: string, ...flows: readonly string[]): Promise<void> {
    const management = `unix:${join(this.#directory, `${bridge}.mgmt`)}`;
    await this.lab.run(
      this.namespace,
      "ovs-ofctl",
      ["--names", "replace-flows", management, "-"],
      flows.join("\n"),
    );
  }

  /** A bridge with these ports, which learns addresses as any switch does. */
  async bridge(name: string, ports: readonly string[] = [], settings: readonly string[] = []): Promise<void> {
    const added = ports.flatMap((port) => ["--", "add-port", name, port]);
    const userspace = ["--", "set", "bridge", name, "datapath_type=netdev", ...settings];
    await this.vsctl("add-br", name, ...userspace, ...added);
  }

  async removeBridge(name: string): Promise<void> {
    await this.vsctl("del-br", name);
    await this.settle();
  }

  /** Options as Open vSwitch names them: `{ remote_ip: "192.0.2.2", key: 100, erspan_ver: 1 }`. */
  async tunnel(
    bridge: string,
    port: string,
    type: string,
    options: Readonly<Record<string, string | number>>,
  ): Promise<void> {
    const set = Object.entries(options).map(([name, value]) => `options:${name}=${quoted(value)}`);
    await this.vsctl("add-port", bridge, port, "--", "set", "interface", port, `type=${type}`, ...set);
  }

  async underlay({
    port,
    mac,
    addresses,
    neighbours = {},
    routers = {},
    mtu = 2000,
  }: Underlay): Promise<void> {
    await this.bridge(UNDERLAY, [port], [`other-config:hwaddr="${mac}"`]);
    if (addresses.some((address) => address.includes(":")))
      this.lab.sysctl(this.namespace, { [`net.ipv6.conf.${UNDERLAY}.disable_ipv6`]: 0 });
    await this.lab.ip(
      this.namespace,
      `link set ${UNDERLAY} mtu ${mtu} up`,
      ...addresses.map(
        (address) => `addr add ${address} dev ${UNDERLAY}${address.includes(":") ? " nodad" : ""}`,
      ),
      ...Object.entries(routers).map(([to, via]) => `route add ${to} via ${via} dev ${UNDERLAY}`),
    );
    for (const [address, neighbour] of Object.entries(neighbours))
      await this.appctl("tnl/neigh/set", UNDERLAY, address, neighbour);
    const isRouted = async () => {
      const routes = await this.appctl("ovs/route/show");
      const wanted = [...addresses, ...Object.keys(routers)];
      return wanted.every((address) => routes.includes(address.split("/")[0]!));
    };
    await until(isRouted, () => "Open vSwitch to see the underlay's addresses and routes");
  }

  async mirror({ bridge, name, ports, direction, output }: Mirror): Promise<void> {
    const found = [output, ...ports].flatMap((port, i) => ["--", `--id=@p${i}`, "get", "port", port]);
    const selected = ports.map((_, i) => `@p${i + 1}`).join(",");
    const columns = [
      ...(direction === "out" ? [] : [`select-src-port=${selected}`]),
      ...(direction === "in" ? [] : [`select-dst-port=${selected}`]),
    ];
    const created = ["--", "--id=@m", "create", "mirror", `name=${name}`, "output-port=@p0", ...columns];
    await this.vsctl(...found.slice(1), ...created, "--", "add", "bridge", bridge, "mirrors", "@m");
    await this.settle();
  }

  async removeMirror(bridge: string, name: string): Promise<void> {
    await this.vsctl(
      "--",
      "--id=@m",
      "get",
      "mirror",
      name,
      "--",
      "remove",
      "bridge",
      bridge,
      "mirrors",
      "@m",
    );
  }

  async removePort(bridge: string, port: string): Promise<void> {
    await this.vsctl("del-port", bridge, port);
    await this.settle();
  }

  /** Until no frame goes the way it went before the last change: what the datapath has cached is thrown away. */
  async settle(): Promise<void> {
    await this.appctl("revalidator/purge");
  }

  async stop(): Promise<void> {
    for (const daemon of this.#daemons.reverse()) await daemon.stop();
  }

  async #isThere(socket: string): Promise<void> {
    const isThere = () => {
      const ended = this.#daemons.find(({ isOver }) => isOver);
      if (ended !== undefined) throw new Error(`Open vSwitch has ended:\n${ended.output}`);
      return existsSync(join(this.#directory, socket));
    };
    await until(isThere, () => `Open vSwitch's ${socket}`);
  }
}

/** The database's own way with strings that are no plain words. */
function quoted(value: string | number): string {
  return typeof value === "number" || /^\w+$/.test(value) ? String(value) : `"${value}"`;
}
